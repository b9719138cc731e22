import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { targetFor } from '../../../../lib/core/target.ts';
import { elsewhereReasons } from '../../../../lib/domain/release/copied-elsewhere.ts';
import { findRebuildReasons } from '../../../../lib/domain/release/find-rebuild-reasons.ts';
import { testOps } from '../../../support/ops.ts';

const target = targetFor('/opt/whalefall');
const image = (...last: readonly string[]) => ['FROM python:3.12', 'WORKDIR /app', ...last].join('\n');
const found = (dockerfile: string, files: readonly string[], buildTarget?: string) =>
  elsewhereReasons(target, files, dockerfile, buildTarget).map(({ path, why }) => `${path} ${why.en}`);
const at = (file: string, place: string) =>
  `${file} changed; the image has it at ${place} too, where no hot update puts it`;

describe('a file that the image has where no hot update puts it', () => {
  it.each([
    ['one', 'COPY scripts/entrypoint.sh /entrypoint.sh', 'scripts/entrypoint.sh', '/entrypoint.sh'],
    ['with flags', 'COPY --chown=0:0 --chmod=755 scripts/run.sh /usr/bin/', 'scripts/run.sh', '/usr/bin/run.sh'],
    ['added', 'ADD ./nginx/nginx.conf /etc/nginx/nginx.conf', 'nginx/nginx.conf', '/etc/nginx/nginx.conf'],
    ['of several', 'COPY a.conf nginx/b.conf /etc/nginx/conf.d/', 'nginx/b.conf', '/etc/nginx/conf.d/b.conf'],
    ['below a directory', 'COPY nginx/conf.d /etc/nginx/conf.d', 'nginx/conf.d/x/y.conf', '/etc/nginx/conf.d/x/y.conf'],
    ['by a pattern', 'COPY nginx/*.conf /etc/nginx/', 'nginx/a.conf', '/etc/nginx/a.conf'],
    ['in JSON', 'COPY ["nginx/a.conf", "/etc/a.conf"]', 'nginx/a.conf', '/etc/a.conf'],
    ['with its directories', 'COPY --parents nginx/a.conf /etc/', 'nginx/a.conf', '/etc/nginx/a.conf'],
    ['below the root', 'COPY docker/gunicorn.py ./gunicorn.py', 'docker/gunicorn.py', '/app/gunicorn.py'],
    ['below another working directory', 'WORKDIR /etc/nginx\nCOPY nginx/a.conf .', 'nginx/a.conf', '/etc/nginx/a.conf'],
    ['beside the whole tree', 'COPY . .\nCOPY nginx/a.conf /etc/a.conf', 'nginx/a.conf', '/etc/a.conf'],
  ])('is named: %s', (_what, lines, file, place) => {
    expect(found(image(lines), [file])).toEqual([at(file, place)]);
    expect(found(image(lines), ['app/other.py'])).toEqual([]);
  });

  it.each([
    ['the whole tree to its place', 'COPY . /app/', 'wsgi.py'],
    ['the whole tree to where a build needs it', 'COPY . /src', 'wsgi.py'],
    ['the whole tree by a pattern', 'COPY * ./', 'wsgi.py'],
    ['what comes to its own place', 'COPY wsgi.py README.md /app/', 'README.md'],
    ['what comes to its own place without a slash', 'COPY wsgi.py .', 'wsgi.py'],
    ['what comes to its own place in the root', 'COPY wsgi.py /app', 'wsgi.py'],
    ['a directory at its own place', 'COPY app app', 'app/views.py'],
    ['a directory with its directories', 'COPY --parents app/views /app/', 'app/views/x.py'],
    ['another stage’s', 'COPY --from=build nginx/a.conf /etc/a.conf', 'nginx/a.conf'],
    [
      'a copy of the target',
      'COPY nginx/gunicorn/gunicorn-prod.conf.py /app/gunicorn.conf.py',
      'nginx/gunicorn/gunicorn-prod.conf.py',
    ],
    [
      'a copy of the target, into a directory',
      'COPY nginx/error_pages/50x.html /usr/share/nginx/html/',
      'nginx/error_pages/50x.html',
    ],
    [
      'a copy of the target, into a directory that is there',
      'COPY nginx/error_pages/50x.html /usr/share/nginx/html',
      'nginx/error_pages/50x.html',
    ],
    [
      'a directory of the target’s copies',
      'COPY nginx/error_pages /usr/share/nginx/html',
      'nginx/error_pages/50x.html',
    ],
    [
      'the site’s template',
      'COPY nginx/sites-available/whalefall-prod /etc/nginx/templates/whalefall-prod.template',
      'nginx/sites-available/whalefall-prod',
    ],
    ['what a variable names', 'COPY nginx/a.conf $WHERE/a.conf', 'nginx/a.conf'],
    ['what is only like it', 'COPY nginx /etc/nginx', 'nginx-old/a.conf'],
    ['text of the Dockerfile’s own', 'COPY <<EOF /etc/a.conf\nx\nEOF', 'wsgi.py'],
    ['a front end that is built', 'COPY frontend /srv/frontend', 'frontend/dist/index.html'],
    ['nothing', '', 'wsgi.py'],
  ])('is not: %s', (_what, lines, file) => {
    expect(found(image(lines), [file])).toEqual([]);
  });

  it('is what the stages have that the image is built upon, and no other', () => {
    const text = `FROM node AS assets
COPY frontend/package.json /build/
FROM python AS base
COPY nginx/a.conf /etc/a.conf
FROM base AS tests
COPY tests/run.sh /run.sh
FROM base AS production
CMD ["start"]
`;
    const files = ['frontend/package.json', 'nginx/a.conf', 'tests/run.sh'];
    expect(found(text, files)).toEqual([at('nginx/a.conf', '/etc/a.conf')]);
    expect(found(text, files, 'production')).toEqual([at('nginx/a.conf', '/etc/a.conf')]);
    expect(found(text, files, 'tests')).toEqual([at('nginx/a.conf', '/etc/a.conf'), at('tests/run.sh', '/run.sh')]);
  });

  it('may be nginx’s site, which can be used at once', () => {
    const { from, rendered } = target.release.site;
    const [reason] = elsewhereReasons(target, [from], image(`COPY ${from} ${rendered}`), undefined);
    expect(reason?.fix?.en).toContain('--sync-nginx-site-config');
  });
});

it.each(['app', 'real'])('names nothing of the sandbox’s own image: %s', (kind) => {
  const text = readFileSync(new URL(`../../../sandbox/${kind}/Dockerfile.prod.template`, import.meta.url), 'utf8');
  const files = ['app/views.py', 'wsgi.py', 'pyproject.toml', 'nginx/error_pages/50x.html', 'frontend/src/main.ts'];
  expect(found(text, files, 'production')).toEqual([]);
});

describe('a release', () => {
  const DOCKERFILE = image('COPY pyproject.toml /build/', 'COPY uv.lock /build/', 'COPY nginx /etc/nginx', 'COPY . .');
  const same = { 'nginx/same.conf': 'a', 'Dockerfile.prod': 'd' };
  const reasons = async (before: object, after: object, former: object | undefined = before) => {
    const ops = testOps(({ argv }) => {
      if (argv.includes('cat-file')) return { stdout: argv.at(-1) === 'd0' ? DOCKERFILE : '' };
      return { stdout: '100644 blob d0\tDockerfile.prod\0' };
    });
    const blobs = (files: object) => new Map<string, string>(Object.entries({ ...same, ...files }));
    const found = await findRebuildReasons(ops, {
      before: blobs(before),
      after: blobs(after),
      former: former && blobs(former),
      commits: { before: 'abc', after: 'abc' },
      buildTarget: undefined,
      pyproject: async () => undefined,
    });
    return found.map(({ path }) => path);
  };

  it('needs a rebuild for what changes, comes and goes of it', async () => {
    expect(await reasons({ 'nginx/x.conf': 'a' }, { 'nginx/x.conf': 'b' })).toEqual(['nginx/x.conf']);
    expect(await reasons({}, { 'nginx/x.conf': 'b' })).toEqual(['nginx/x.conf']);
    expect(await reasons({ 'nginx/x.conf': 'a' }, {})).toEqual(['nginx/x.conf']);
    expect(await reasons({ 'app/x.py': 'a' }, { 'app/x.py': 'b' })).toEqual([]);
  });

  it('needs none for what is not from git, and names nothing twice', async () => {
    expect(await reasons({ 'nginx/by-hand.conf': 'a' }, {}, {})).toEqual([]);
    expect(await reasons({ 'uv.lock': 'a' }, { 'uv.lock': 'b' })).toEqual(['uv.lock']);
    expect(await reasons({ 'pyproject.toml': 'a' }, { 'pyproject.toml': 'b' })).toEqual([]);
  });
});
