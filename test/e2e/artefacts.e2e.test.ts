import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Files } from '../sandbox/git.ts';
import { REAL_DIR } from '../sandbox/real.ts';
import { runScript } from '../support/run-script.ts';
import { itInFull } from './thorough.ts';
import { finished, type Run, underLoad, update } from './update/run.ts';
import { original } from './update/sources.ts';
import { docker, type Release, Stack } from './update/stack.ts';

// A front end that only a stage of the image's build makes: neither git nor the host has what nginx serves.
let stack: Stack;
const COPIED = 'COPY --from=frontend-build /build/frontend/dist /app/frontend/dist';

function withStage(): Files {
  const dockerfile = original(stack, 'Dockerfile.prod');
  const image = /^FROM (\S+)/.exec(dockerfile)?.[1];
  const stage = `FROM ${image} AS frontend-build\nWORKDIR /build\nCOPY frontend/ frontend/\nRUN sh frontend/build.sh\n\n`;
  return {
    'Dockerfile.prod': stage + dockerfile.replace('COPY . /app/\n', `COPY . /app/\n${COPIED}\n`),
    '.gitignore': `${original(stack, '.gitignore')}frontend/dist/\n`,
    'frontend/build.sh': readFileSync(path.join(REAL_DIR, 'frontend/build.sh'), 'utf8'),
    'frontend/src/index.html': '<h1>@VERSION@</h1><script src="/assets/@BUNDLE@"></script>\n',
    'frontend/src/version.txt': 'first',
    'frontend/src/components/a.js': 'first();\n',
    'frontend/dist/index.html': null,
  };
}

/** What a browser gets: the page, and what it names. */
async function page(): Promise<string> {
  const text = await (await fetch(stack.sandbox.url)).text();
  const [, asset = ''] = /src="([^"]+)"/.exec(text) ?? [];
  const response = await fetch(stack.sandbox.url + asset);
  return `${response.status} ${text}${await response.text()}`;
}
const assets = () => stack.inApp(['ls', '/app/frontend/dist/assets']).trim().split('\n');
const frontend = (version: string): Promise<Release> =>
  stack.release({
    files: { 'frontend/src/version.txt': version, 'frontend/src/components/a.js': `${version}();\n` },
  });
const deploy = () =>
  runScript('deploy-prod-all', [
    ...['--dir', stack.sandbox.deployDir, '--config', stack.config],
    ...['--yes', '--data', 'keep'],
  ]);
function expectServed(run: Run, exitCode = 0): void {
  expect(run.exitCode, run.text).toBe(exitCode);
  expect(run.load.failed, run.text).toBe(0);
  expect(run.after.containers).toEqual(run.before.containers);
  expect(docker('image', 'ls', '-q', '--filter', `label=whalefall-ops.state=${stack.state}`)).toBe('');
  expect(existsSync(path.join(run.directory ?? '', 'artefacts'))).toBe(false);
}

beforeAll(async () => {
  stack = await Stack.prepared('wfops-artefacts');
  stack.patience();
  stack.sandbox.writeEnv();
  stack.base = await stack.sandbox.release();
  await stack.sandbox.pull();
  stack.base = await stack.sandbox.release({ files: withStage() });
  await stack.redeploy();
});
afterAll(() => stack?.down());

it('a release that changes the front end alone is built beside what serves, and is what people see; the way back too', async () => {
  expect(await page()).toMatch(/^200 <h1>first<.*first\(\);/s);
  const former = assets();
  await frontend('second');
  const planned = await update(stack, ['--plan']);
  expect(planned.text).toMatch(/Build frontend\/dist.*frontend-build/s);
  const run = await update(stack);
  expectServed(run);
  expect(finished(run, 'build'), run.text).toBe(true);
  expect(await page()).toMatch(/^200 <h1>second<.*second\(\);/s);
  expect(assets()).toHaveLength(1); // the former bundle is gone
  expect(assets()).not.toEqual(former);

  expectServed(await underLoad(stack, 'rollback-prod', ['--soak', '1s', 'previous']));
  expect(await page()).toMatch(/^200 <h1>first<.*first\(\);/s);
  expect(assets()).toEqual(former);
});

itInFull(
  'a release that leaves the front end alone builds nothing, and one whose front end can not be built changes nothing',
  async () => {
    await stack.release();
    const same = await update(stack);
    expectServed(same);
    expect(finished(same, 'stage'), same.text).toBe(true);
    expect(same.journal.some((l) => l.step === 'build')).toBe(false);

    await stack.release({ files: { 'frontend/build.sh': 'echo no such bundler >&2; exit 7\n' } });
    const broken = await update(stack);
    expectServed(broken, 1);
    expect(broken.text).toContain('exit code: 7');
    expect(readFileSync(path.join(broken.directory ?? '', 'build.log'), 'utf8')).toContain('no such bundler');
    expect(await page()).toMatch(/^200 <h1>first</);
  },
);

itInFull('pages that nginx may not read are no success of a rebuild: what served serves again', async () => {
  const before = stack.container('whalefall');
  const dockerfile = original(stack, 'Dockerfile.prod').replace(
    COPIED,
    `${COPIED}\nRUN chmod 600 frontend/dist/index.html`,
  );
  await stack.sandbox.release({ on: stack.base, files: { 'Dockerfile.prod': dockerfile } });
  await stack.sandbox.pull();
  const ended = await deploy();
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toMatch(/GET \/ answers (403|500)/);
  expect(stack.container('whalefall')).toBe(before);
  expect(await page()).toMatch(/^200 <h1>first</);
});

itInFull('a Dockerfile that does not say how the front end is made: refused, once its sources change', async () => {
  const dockerfile = original(stack, 'Dockerfile.prod').replace(COPIED, 'RUN mv frontend/src frontend/dist');
  stack.base = await stack.sandbox.release({ files: { 'Dockerfile.prod': dockerfile } });
  await stack.sandbox.pull();
  const ended = await deploy();
  expect(ended.exitCode, ended.text).toBe(0);
  await frontend('third');
  const refused = await update(stack);
  expectServed(refused, 3);
  expect(refused.text).toContain('frontend-build');
  await stack.release();
  expectServed(await update(stack));
});
