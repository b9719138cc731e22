import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { assetsOf, findRoutes, isServed, requireRoutes, routeFault } from '../../../../lib/domain/app/routes.ts';
import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';
import { scheduler, web } from '../../../support/update-facts.ts';

const SITE = `
# configuration file /etc/nginx/sites-enabled/whalefall:
upstream schedulers { server 127.0.0.1:5002; }
server {
    listen 80; # the "public" { one
    root /app/frontend/dist;
    location ^~ /api/v1/scheduler/ { proxy_pass http://schedulers; }
    location ^~ /api/ { proxy_pass http://127.0.0.1:5001; add_header X-A "a; b {"; }
    location ~ \\.php$ { proxy_pass http://127.0.0.1:9000; }
    location = /50x.html { root /usr/share/nginx/html; internal; }
    location /elsewhere/ { proxy_pass http://example.invalid; }
    location / { try_files $uri /index.html; }
}
`;

/** The script as the container runs it, with a stub in place of nginx. */
function routesOf(site: string): unknown {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'routes-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(path.join(dir, 'site'), site);
  writeFileSync(path.join(dir, 'nginx'), `#!/bin/sh\ncat ${dir}/site\n`, { mode: 0o755 });
  const input = readFileSync(new URL('../../../../lib/domain/app/agent/routes.py', import.meta.url), 'utf8');
  const env = { PATH: `${dir}:${process.env.PATH}` };
  return JSON.parse(execFileSync('python3', ['-'], { input, env, encoding: 'utf8' }));
}

it('reads what nginx serves from its own configuration', () => {
  expect(routesOf(SITE)).toEqual([
    { path: '/api/v1/scheduler/', port: 5002 },
    { path: '/api/', port: 5001 },
    { path: '/', port: null },
  ]);
  expect(routesOf('')).toEqual([]);
  expect(routesOf('server { location / {')).toEqual([]);
});

it('watches the pages and one route of each program but the web program', async () => {
  const served = [
    { path: '/api/v1/scheduler/', port: 5002 },
    { path: '/api/v1/jobs/', port: 5002 },
    { path: '/api/', port: 5001 },
    { path: '/grafana/', port: 3000 },
    { path: '/', port: null },
  ];
  const routes = await findRoutes(
    testOps(() => ({ stdout: JSON.stringify(served) })),
    'app',
    [web, scheduler],
  );
  expect(routes.map(({ name, path: at, kind }) => [name.en, at, kind])).toEqual([
    ['pages', '/', 'pages'],
    ['whalefall_scheduler', '/api/v1/scheduler/', 'program'],
    ['3000', '/grafana/', 'program'],
  ]);
});

it('knows none where nginx does not tell', async () => {
  expect(
    await findRoutes(
      testOps(() => ({ exitCode: 1, stderr: 'nginx: [emerg] …' })),
      'app',
      [web],
    ),
  ).toEqual([]);
});

it('takes a program’s own refusal for service, and no page for a page', () => {
  expect([200, 401, 404, 499].every((status) => isServed({ kind: 'program' }, status))).toBe(true);
  expect([0, 500, 502, 503, 504].some((status) => isServed({ kind: 'program' }, status))).toBe(false);
  expect([200, 302].every((status) => isServed({ kind: 'pages' }, status))).toBe(true);
  expect([0, 403, 404, 500].some((status) => isServed({ kind: 'pages' }, status))).toBe(false);
});

it('finds the scripts and styles of the page’s own site', () => {
  const html = `<link rel="stylesheet" href="/assets/a.css?v=1"><link rel=icon href="x.png">
    <script src='js/b.mjs' defer></script><script src="https://elsewhere.invalid/c.js"></script><script src="//cdn/d.js"></script>`;
  expect(assetsOf(html, '/app/index.html')).toEqual(['/assets/a.css', '/app/js/b.mjs']);
});

const answering = (answers: Readonly<Record<string, Response>>) => ({
  ...testOps(() => ({})),
  net: {
    fetch: async (url: string) => {
      const answer = answers[new URL(url).pathname];
      if (!answer) throw new Error('refused');
      return answer;
    },
  } as never,
});
const page = (html: string, status = 200) => new Response(html, { status, headers: { 'content-type': 'text/html' } });
const PAGES = { name: { en: 'pages', zh: '页面' }, path: '/', kind: 'pages' } as const;
const at = { nginx: 'http://127.0.0.1:80' };

it('is not content with a page whose script is missing, or is another page', async () => {
  const html = '<script src="/assets/app.js"></script>';
  const script = () => new Response('1', { headers: { 'content-type': 'text/javascript' } });
  expect(await routeFault(answering({ '/': page(html), '/assets/app.js': script() }), at, PAGES)).toBeUndefined();
  const missing = await routeFault(answering({ '/': page(html), '/assets/app.js': page('', 404) }), at, PAGES);
  expect(missing?.en).toBe('GET /assets/app.js answers 404');
  const fallback = await routeFault(answering({ '/': page(html), '/assets/app.js': page(html) }), at, PAGES);
  expect(fallback?.en).toBe('GET /assets/app.js gives a web page instead of the file');
  expect((await routeFault(answering({ '/': page('', 403) }), at, PAGES))?.en).toBe('GET / answers 403');
  expect((await routeFault(answering({}), at, PAGES))?.en).toBe('GET / is not answered');
});

/** A container whose nginx serves pages and a scheduler, with what each answers in turn; the last answer stays. */
function serving(answers: Readonly<Record<string, readonly number[]>>) {
  const left = new Map(Object.entries(answers).map(([path, statuses]) => [path, [...statuses]]));
  const served = [
    { path: '/', port: null },
    { path: '/api/v1/scheduler/', port: 5002 },
  ];
  // supervisorctl says nothing: the names are not needed.
  const ops = testOps(({ argv }) => (argv.includes('routes') ? { stdout: JSON.stringify(served) } : { exitCode: 1 }));
  const fetch = async (url: string) => {
    const statuses = left.get(new URL(url).pathname) ?? [];
    const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 0;
    if (status === 0) throw new Error('refused');
    return page('', status);
  };
  return { ...ops, net: { ...ops.net, fetch: fetch as never } };
}
const app = container('app', { ports: [{ target: 80, published: 80, hostIp: '127.0.0.1', protocol: 'tcp' }] });
const said = (texts: readonly { readonly en: string }[]) => texts.map(({ en }) => en);

it('waits for a program that boots, and not for a page that nobody may read', async () => {
  expect(await requireRoutes(serving({ '/': [200], '/api/v1/scheduler/': [502, 0, 404] }), app, [])).toEqual([]);
  const ops = serving({ '/': [403, 200], '/api/v1/scheduler/': [200] });
  await expect(requireRoutes(ops, app, [])).rejects.toMatchObject({
    what: { en: expect.stringContaining('GET / answers 403') },
  });
});

it('gives up a program that never answers, when a boot has had its time', async () => {
  const ops = serving({ '/': [200], '/api/v1/scheduler/': [502] });
  await expect(requireRoutes(ops, app, [])).rejects.toMatchObject({
    what: { en: expect.stringContaining('GET /api/v1/scheduler/ answers 502') },
  });
  expect(ops.clock.monotonic()).toBeGreaterThanOrEqual(ops.target.bootSeconds * 1000);
});

it('tells what was not well served before either, and does not count it against the new container', async () => {
  const ops = serving({ '/': [403], '/api/v1/scheduler/': [200] });
  expect(said(await requireRoutes(ops, app, ['/']))).toEqual(['GET / answers 403']);
});
