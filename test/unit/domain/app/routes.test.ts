import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Net, Ops } from '../../../../lib/core/ops.ts';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';
import { findRoutes } from '../../../../lib/domain/app/find-routes.ts';
import { assetsOf, isServed, routeFault } from '../../../../lib/domain/app/route-fault.ts';
import {
  requirePages,
  requireRoutes,
  servedTexts,
  surveyRoutes,
  watchedOf,
} from '../../../../lib/domain/app/routes.ts';
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
function told(site: string, exitCode = 0): { readonly sites: readonly object[] } {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'routes-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(path.join(dir, 'site'), site);
  const stub = `#!/bin/sh\ncat ${dir}/site\necho 'nginx: [emerg] said' >&2\nexit ${exitCode}\n`;
  writeFileSync(path.join(dir, 'nginx'), stub, { mode: 0o755 });
  const input = sourceOf('routes');
  const env = { PATH: `${dir}:${process.env.PATH}` };
  return JSON.parse(execFileSync('python3', ['-'], { input, env, encoding: 'utf8' }));
}

/** Of its only site. */
const routesOf = (site: string) => told(site).sites[0];
const HTTP = { listens: [{ port: 80, tls: false }], name: null };

describe('what nginx serves, by its own configuration', () => {
  it('is which place leads to which port, and which are pages', () => {
    expect(routesOf(SITE)).toEqual({
      ...HTTP,
      routes: [
        { path: '/api/v1/scheduler/', port: 5002 },
        { path: '/api/', port: 5001 },
      ],
      pages: [['/', '/index.html']],
      unread: [
        { path: '~ \\.php$', port: 9000, target: 'http://127.0.0.1:9000' },
        { path: '/elsewhere/', port: null, target: 'http://example.invalid' },
      ],
    });
    expect(routesOf('')).toBeUndefined();
    expect(routesOf('server { location / {')).toEqual({ ...HTTP, routes: [], pages: [], unread: [] });
  });

  it('is read where a file includes another, in locations within others, and by variables that are set plainly', () => {
    expect(
      routesOf(`
# configuration file /etc/nginx/nginx.conf:
http { root /srv; include sites-enabled/*; }
# configuration file /etc/nginx/sites-enabled/whalefall:
server {
  set $scheduler 127.0.0.1:5002;
  include /etc/nginx/snippets/*.conf;
  include /etc/nginx/round;
  location /api/ {
    proxy_pass http://127.0.0.1:5001;
    location /api/jobs/ { proxy_pass http://\${scheduler}/jobs; }
    location /api/dark/ { proxy_pass http://$dark; }
  }
  location /socket/ { uwsgi_pass unix:/run/a.sock; }
}
# configuration file /etc/nginx/snippets/flower.conf:
location /flower/ { include round; proxy_pass http://localhost:5555/; }
# configuration file /etc/nginx/round:
include /etc/nginx/round;
# configuration file /etc/nginx/sites-enabled/below/other:
server { location /never/ { proxy_pass http://127.0.0.1:7777; } }
`),
    ).toEqual({
      ...HTTP,
      routes: [
        { path: '/flower/', port: 5555 },
        { path: '/api/jobs/', port: 5002 },
        { path: '/api/', port: 5001 },
      ],
      pages: [['/', '/index.html']],
      unread: [
        { path: '/api/dark/', port: null, target: 'http://$dark' },
        { path: '/socket/', port: null, target: 'unix:/run/a.sock' },
      ],
    });
  });

  it('is no page where a program answers what is no file, and the page that a place falls back to', () => {
    expect(
      routesOf(`server {
        root /srv;
        location / { try_files $uri @app; }
        location @app { proxy_pass http://127.0.0.1:5001; }
        location /docs/ { alias /docs/; try_files $uri /docs/start.html; }
        location /assets/ { expires max; }
        location =/old { return 301 /; }
      }`),
    ).toEqual({ ...HTTP, routes: [{ path: '/', port: 5001 }], pages: [['/docs/', '/docs/start.html']], unread: [] });
    expect(routesOf('server { index start.html; location ^~ / { root /srv; } }')).toMatchObject({
      pages: [['/', '/start.html']],
    });
    expect(routesOf('server { return 301 https://x; root /srv; }')).toMatchObject({ pages: [] });
  });

  it('is where each site listens and how it is called, but for those where only a proxy gets', () => {
    const sites = told(`
      server { listen 443 ssl http2; listen [::]:8443 ssl; listen 80; server_name _ *.shop.example "" shop.example; }
      server { listen 127.0.0.1:9443; ssl on; server_name ~^a; } server { listen 443 quic; listen 127.0.0.1; ssl off; }
      server { listen unix:/run/a ssl; listen 444 ssl proxy_protocol; } server { listen 443 ssl; ssl_reject_handshake on; }
      server { server_name shop; }`).sites;
    const at = (port: number, tls: boolean) => ({ port, tls });
    expect(sites).toMatchObject([
      { listens: [at(443, true), at(8443, true), at(80, false)], name: 'shop.example' },
      { listens: [at(9443, true)], name: null },
      { listens: [at(80, false)], name: null },
      { listens: [] },
      { listens: [] },
      { listens: [at(80, false)], name: 'shop' },
    ]);
  });

  it('is not known when nginx does not tell', () => {
    expect(told(SITE, 1)).toEqual({ failed: 'nginx: [emerg] said' });
  });
});

const published = (target: number, at = target) =>
  ({ target, published: at, hostIp: '127.0.0.1', protocol: 'tcp' }) as const;
const app = container('app', { ports: [published(80), published(443, 8443)] });
const answeringRoutes = (said: unknown) => testOps(() => ({ stdout: JSON.stringify(said) }));

const site = (more: object) => ({ ...HTTP, routes: [], pages: [], unread: [], ...more });
const secure = (port: number) => [{ port, tls: true }];

it('watches the pages and one route of each program but the web program, and tells what it can’t', async () => {
  const said = site({
    routes: [
      { path: '/api/v1/scheduler/', port: 5002 },
      { path: '/api/v1/jobs/', port: 5002 },
      { path: '/api/', port: 5001 },
      { path: '/grafana/', port: 3000 },
    ],
    pages: [['/', '/index.html'], ['/docs/']],
    unread: [
      { path: '~ ^/api', port: 5001, target: 'http://127.0.0.1:5001' },
      { path: '/dark/', port: null, target: 'http://$dark' },
    ],
  });
  const served = await findRoutes(answeringRoutes({ sites: [said] }), app, [web, scheduler]);
  expect(served.routes.map(({ name, path: at, kind }) => [name.en, at, kind])).toEqual([
    ['pages', '/', 'pages'],
    ['/index.html', '/index.html', 'pages'],
    ['/docs/', '/docs/', 'pages'],
    ['whalefall_scheduler', '/api/v1/scheduler/', 'program'],
    ['3000', '/grafana/', 'program'],
  ]);
  expect(watchedOf(served).map((r) => r.path)).toEqual(['/', '/docs/', '/api/v1/scheduler/', '/grafana/']);
  expect(servedTexts(served).map((t) => t.en)).toEqual([
    expect.stringMatching(/Not watched.*: \/dark\/ → http:\/\/\$dark$/),
  ]);
});

describe('what people get by TLS', () => {
  const found = async (...sites: object[]) => findRoutes(answeringRoutes({ sites }), app, [web, scheduler]);
  const ways = ({ routes }: Awaited<ReturnType<typeof found>>) =>
    routes.map(({ name, path: at, at: where }) => [name.en, at, where]);
  const https = { port: 443, tls: true, host: 'shop.example' };
  const one = { name: 'shop.example', routes: [{ path: '/api/', port: 5001 }], pages: [['/']] };

  it('is the health check, where one site is both', async () => {
    expect(ways(await found(site({ ...one, listens: [...HTTP.listens, ...secure(443)] })))).toEqual([
      ['pages', '/', undefined],
      ['https', '/api/v1/health/basic', https],
    ]);
  });

  it('is everything, where HTTP only leads there', async () => {
    const jobs = { path: '/api/v1/scheduler/', port: 5002 };
    const served = await found(site({}), site({ ...one, routes: [...one.routes, jobs], listens: secure(443) }));
    expect(ways(served)).toEqual([
      ['pages', '/', https],
      ['whalefall_scheduler', '/api/v1/scheduler/', https],
      ['https', '/api/v1/health/basic', https],
    ]);
  });

  it('is not what nobody gets to: a port that is not published, a site that serves nothing', async () => {
    expect(ways(await found(site({ ...one, listens: secure(8443) }), site({ listens: secure(443) })))).toEqual([]);
  });

  it('is said where only a proxy gets there', async () => {
    const { routes, unwatched } = await found(site({ ...one, listens: [] }));
    expect(routes).toEqual([]);
    expect(unwatched?.en).toMatch(/Not watched.*: \/api\/ → proxy_protocol, unix:, \/ → /);
  });
});

it('knows each program that people are led to, also by a pattern or where a place is another site’s already', async () => {
  const pattern = { path: '~ ^/jobs', port: 5002, target: 'http://127.0.0.1:5002' };
  const sites = [site({ unread: [pattern], pages: [['/']] }), site({ listens: [{ port: 8082, tls: false }] })];
  const { led, unwatched } = await findRoutes(answeringRoutes({ sites }), app, [web, scheduler]);
  expect(led).toEqual([{ program: 'whalefall_scheduler', path: '~ ^/jobs' }]);
  expect(unwatched?.en).toContain('~ ^/jobs');
  const twice = [site({ pages: [['/']] }), site({ routes: [{ path: '/', port: 5002 }] })];
  const again = await findRoutes(answeringRoutes({ sites: twice }), app, [web, scheduler]);
  expect(again.led).toEqual([{ program: 'whalefall_scheduler', path: '/' }]);
  const silent = await findRoutes(answeringRoutes({ failed: '[emerg] …' }), app, [web, scheduler]);
  expect(silent.led.map((l) => l.program)).toEqual(['whalefall_scheduler']);
});

it('says so where nginx does not tell', async () => {
  for (const ops of [answeringRoutes({ failed: '[emerg] …' }), testOps(() => ({ exitCode: 1, stderr: '[emerg] …' }))]) {
    const { routes, unwatched } = await findRoutes(ops, app, [web]);
    expect(routes).toEqual([]);
    expect(unwatched?.en).toMatch(/^nginx does not tell its configuration.*\[emerg\] …/s);
  }
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
const PAGES = { name: { en: 'pages', zh: '页面' }, path: '/', kind: 'pages', isSame: false } as const;

it('is not content with a page whose script is missing, or is another page', async () => {
  const html = '<script src="/assets/app.js"></script>';
  const script = (body = '1', type = 'text/javascript') => new Response(body, { headers: { 'content-type': type } });
  const fault = async (answers: Readonly<Record<string, Response>>) =>
    (await routeFault(answering(answers), app, PAGES))?.en;
  const withScript = (answer: Response) => fault({ '/': page(html), '/assets/app.js': answer });
  expect(await withScript(script())).toBeUndefined();
  expect(await withScript(page('', 404))).toBe('GET /assets/app.js answers 404');
  expect(await withScript(page(html))).toBe('GET /assets/app.js gives text/html instead of what a browser takes');
  expect(await withScript(script('1', 'application/octet-stream'))).toMatch(/gives application\/octet-stream/);
  expect(await withScript(script(''))).toBe('GET /assets/app.js gives nothing');
  expect(await fault({ '/': page('x', 403) })).toBe('GET / answers 403');
  expect(await fault({})).toBe('GET / is not answered');
});

it('is not content with a page that is empty, or none', async () => {
  const fault = async (answer: Response) => (await routeFault(answering({ '/': answer }), app, PAGES))?.en;
  expect(await fault(page(' \n'))).toBe('GET / gives nothing');
  expect(await fault(Response.json({}))).toBe('GET / gives application/json instead of what a browser takes');
});

describe('what people get, and what the container gives at its own address', () => {
  const SECURE = {
    ...PAGES,
    path: '/api',
    kind: 'program',
    at: { port: 443, tls: true, host: 'shop.example' },
  } as const;
  const base = { [container('app').addresses.shop_net ?? '']: 'inside', '127.0.0.1': 'outside' } as const;
  /** What each side answers, and what was asked. */
  async function asked(route: Parameters<typeof routeFault>[2], sides: { inside: number; outside: number }) {
    const urls: string[] = [];
    const fetch = async (url: string, { headers }: { readonly headers: { readonly host: string } }) => {
      urls.push(`${url} of ${headers.host}`);
      const status = sides[base[new URL(url).hostname] ?? 'outside'];
      if (status === 0) throw new Error('refused');
      return page('x', status);
    };
    const fault = await routeFault({ ...testOps(() => ({})), net: { fetch } as never }, app, route);
    return { fault: fault?.en, urls: urls.sort() };
  }

  it.each([
    [200, 200, undefined],
    [200, 0, undefined], // no way there from this machine
    [403, 403, 'GET / answers 403'],
    [0, 200, 'GET / is not answered, though the container serves it well at its own address'],
    [200, 403, expect.stringMatching(/^GET \/ answers 403 at the container’s own address.*answered differently/)],
  ])('%i by what is published, %i there: %s', async (outside, inside, fault) => {
    expect(await asked(PAGES, { outside, inside })).toMatchObject({ fault });
  });

  it('is asked for by TLS on the ports of TLS', async () => {
    const { fault, urls } = await asked(SECURE, { outside: 502, inside: 502 });
    expect(fault).toBe('GET https /api answers 502');
    const of = 'of shop.example';
    expect(urls).toEqual([`https://127.0.0.1:8443/api ${of}`, `https://172.18.0.2:443/api ${of}`]);
  });
});

/** A container whose nginx serves pages and a scheduler, with what each answers in turn; the last answer stays. */
function serving(answers: Readonly<Record<string, readonly number[]>>, told: unknown = { sites: [site(SERVED)] }) {
  const left = new Map(Object.entries(answers).map(([path, statuses]) => [path, [...statuses]]));
  const ops = answeringRoutes(told);
  const fetch = async (url: string) => {
    const statuses = left.get(new URL(url).pathname) ?? [];
    const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 0;
    if (status === 0) throw new Error('refused');
    return page('page', status);
  };
  return { ...ops, net: { ...ops.net, fetch: fetch as never } };
}
const SERVED = { routes: [{ path: '/api/v1/scheduler/', port: 5002 }], pages: [['/']] };
it('while nobody gets there yet, asks at its own address: a bad page is an end at once, a program gets a while', async () => {
  const hosts = new Set<string>();
  const seen = (ops: Ops): Ops => {
    const fetch: Net['fetch'] = (url, init) => {
      hosts.add(new URL(url).hostname);
      return ops.net.fetch(url, init);
    };
    return { ...ops, net: { ...ops.net, fetch } };
  };
  const bad = serving({ '/': [403], '/api/v1/scheduler/': [200] });
  await expect(requirePages(seen(bad), app, undefined)).rejects.toMatchObject({
    what: { en: 'Not proved: GET / answers 403' },
  });
  expect(bad.clock.monotonic()).toBe(0);
  const slow = serving({ '/': [200], '/api/v1/scheduler/': [502] });
  await requirePages(seen(slow), app, undefined);
  expect(slow.clock.monotonic()).toBe(10_000);
  await requirePages(seen(bad), app, await surveyRoutes(bad, app, [])); // as it was before
  expect([...hosts]).toEqual(['172.18.0.2']);
});
const said = (texts: readonly { readonly en: string }[]) => texts.map(({ en }) => en);
const DROP = { mayDrop: true };
const wellBefore = () => surveyRoutes(serving({ '/': [200], '/api/v1/scheduler/': [200] }), app, []);

it('waits for a program that boots, and not for a page that nobody may read', async () => {
  const boots = serving({ '/': [200], '/api/v1/scheduler/': [502, 0, 404] });
  expect(await requireRoutes(boots, app, undefined, DROP)).toEqual([]);
  const ops = serving({ '/': [403, 200], '/api/v1/scheduler/': [200] });
  await expect(requireRoutes(ops, app, undefined, DROP)).rejects.toMatchObject({
    what: { en: expect.stringContaining('GET / answers 403') },
  });
});

it('gives up a program that never answers, when a boot has had its time', async () => {
  const ops = serving({ '/': [200], '/api/v1/scheduler/': [502] });
  await expect(requireRoutes(ops, app, undefined, DROP)).rejects.toMatchObject({
    what: { en: expect.stringContaining('GET /api/v1/scheduler/ answers 502') },
  });
  expect(ops.clock.monotonic()).toBeGreaterThanOrEqual(ops.target.bootSeconds * 1000);
});

it('tells what was not well served before either, and does not count it against the new container', async () => {
  const ops = serving({ '/': [403], '/api/v1/scheduler/': [200] });
  const before = await surveyRoutes(ops, app, []);
  expect(servedTexts(before).map((t) => t.en)).toEqual(['GET / answers 403 already now; it is not watched.']);
  expect(said(await requireRoutes(ops, app, before, DROP))).toEqual(['GET / answers 403, as it did before']);
});

it('asks for what was served before as well: another release may do without it, another site of the same may not', async () => {
  const before = await wellBefore();
  const ops = () => serving({ '/': [404], '/api/v1/scheduler/': [200] }, { sites: [site({ ...SERVED, pages: [] })] });
  expect(said(await requireRoutes(ops(), app, before, DROP))).toEqual([
    expect.stringMatching(/^GET \/ answers 404; .*no longer/),
  ]);
  await expect(requireRoutes(ops(), app, before, { mayDrop: false })).rejects.toMatchObject({ kind: 'failed' });
});

it('proves what was served before, and says so, where nginx does not tell any more', async () => {
  const before = await wellBefore();
  const ops = (status: number) => serving({ '/': [status], '/api/v1/scheduler/': [200] }, { failed: '[emerg] …' });
  expect(said(await requireRoutes(ops(200), app, before, DROP))).toEqual([
    expect.stringContaining('nginx does not tell'),
  ]);
  await expect(requireRoutes(ops(500), app, before, DROP)).rejects.toMatchObject({ kind: 'failed' });
});
