import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runScript } from '../support/run-script.ts';
import { toldIn } from '../support/summary.ts';
import { itInFull } from './thorough.ts';
import { expectNoneLost } from './update/judge.ts';
import { finished, type Run, underLoad, update } from './update/run.ts';
import { edited } from './update/sources.ts';
import { docker, type Release, Stack } from './update/stack.ts';

// What is like the deployed application where the plain miniature is too kind: a front end that only a stage of the image's build makes, workers
// that leave after 1,000 requests, an import of 4 s, a scheduler behind nginx, TLS.
let stack: Stack;
const DOCKERFILE = 'Dockerfile.prod';
const COPIED = 'COPY --from=frontend-build /build/frontend/dist /app/frontend/dist';
const BUILD = 'frontend/build.sh';

/** What a browser gets: the page, and what it names. */
async function page(): Promise<string> {
  const text = await (await fetch(stack.sandbox.url)).text();
  const [, asset = ''] = /src="([^"]+)"/.exec(text) ?? [];
  const response = await fetch(stack.sandbox.url + asset);
  return `${response.status} ${text}${await response.text()}`;
}
const assets = () => stack.inApp(['ls', '/app/frontend/dist/assets']).trim().split('\n');
const frontend = (version: string, migrations: string[] = []): Promise<Release> =>
  stack.release({
    files: { 'frontend/src/version.txt': version, 'frontend/src/components/a.js': `${version}();\n` },
    migrations,
  });
function expectServed(run: Run, exitCode = 0): void {
  expect(run.exitCode, run.text).toBe(exitCode);
  expectNoneLost(run);
  expect(run.after.containers).toEqual(run.before.containers);
  expect(docker('image', 'ls', '-q', '--filter', `label=whalefall-ops.state=${stack.state}`)).toBe('');
  expect(existsSync(path.join(run.directory ?? '', 'artefacts'))).toBe(false);
}

/** Every way is in the summary, and it says what was counted from outside. */
function expectTruth(run: Run): void {
  const told = toldIn(run.text);
  const counted = { nginx: run.load, ...run.beside };
  expect([...told.keys()].sort(), run.text).toEqual(Object.keys(counted).sort());
  for (const [way, { failed }] of Object.entries(counted)) {
    expect(told.get(way)?.failed, `${way}\n${run.text}`).toBe(failed);
    expect(told.get(way)?.sent, `${way}\n${run.text}`).toBeGreaterThan(10);
  }
}

beforeAll(async () => {
  stack = await Stack.prepared('wfops-real');
  await stack.deploy();
});
afterAll(() => stack?.down());

it('a release with a migration and a front end is what people see, loses nothing by any way, and its summary is what was counted', async () => {
  const { commit } = await frontend('second', ['20260601090000_add_note_author']);
  const run = await update(stack);
  expectServed(run);
  expectTruth(run);
  expect(finished(run, 'build'), run.text).toBe(true);
  expect(finished(run, 'migrate'), run.text).toBe(true);
  expect(await page()).toMatch(/^200 .*Front end second.*second\(\);/s);
  expect(assets()).toHaveLength(1); // the former bundle is gone
  stack.base = commit;
});

itInFull(
  'a front end alone is built beside what serves; the way back brings the former one, twice in a row',
  async () => {
    const shown = [await page()];
    for (const version of ['third', 'fourth']) {
      await frontend(version);
      const planned = await update(stack, ['--plan']);
      expect(planned.text).toMatch(/Build frontend\/dist.*frontend-build/s);
      const run = await update(stack);
      expectServed(run);
      expectTruth(run);
      shown.push(await page());
      expect(shown.at(-1)).toContain(`${version}();`);
    }
    // The one before: of a way back, that is what it came from.
    for (const former of [shown[1], shown[2]]) {
      const back = await underLoad(stack, 'rollback-prod', ['--soak', '1s', 'previous']);
      expectServed(back);
      expectTruth(back);
      expect(await page()).toBe(former);
    }
  },
);

itInFull('a scheduler that gets another configuration is restarted, and whoever asks waits for it', async () => {
  const config = 'nginx/gunicorn/gunicorn-scheduler.conf.py';
  await stack.release({ files: { [config]: edited(stack, config, 'timeout = 120', 'timeout = 90') } });
  const run = await update(stack);
  expectServed(run);
  expectTruth(run);
  expect(run.text).toContain('whalefall_scheduler is restarted: all requests wait');
});

itInFull('a rebuild, and the way back from it by image, hold who comes by any way', async () => {
  await frontend('fifth');
  await stack.sandbox.pull();
  const serves = await page();
  for (const [script, ...args] of [
    ['deploy-prod-all', '--data', 'keep'],
    ['rollback-prod', '--way', 'image', 'previous'],
  ] as const) {
    const run = await underLoad(stack, script, args);
    expect(run.exitCode, run.text).toBe(0);
    expectNoneLost(run);
    expectTruth(run);
  }
  expect(await page()).toBe(serves);
});

itInFull(
  'a release that leaves the front end alone builds nothing; one whose front end can’t be built changes nothing',
  async () => {
    const shown = await page();
    await stack.release();
    const same = await update(stack);
    expectServed(same);
    expect(finished(same, 'stage'), same.text).toBe(true);
    expect(same.journal.some((l) => l.step === 'build')).toBe(false);

    await stack.release({ files: { [BUILD]: 'echo no such bundler >&2; exit 7\n' } });
    const broken = await update(stack);
    expectServed(broken, 1);
    expect(broken.text).toContain('exit code: 7');
    expect(readFileSync(path.join(broken.directory ?? '', 'build.log'), 'utf8')).toContain('no such bundler');
    expect(await page()).toBe(shown);
  },
);

itInFull(
  'pages that nginx may not read are no success of a rebuild, and nobody sees them: what served serves again',
  async () => {
    const [shown, before] = [await page(), stack.container('whalefall')];
    const unreadable = `${COPIED}\nRUN chmod 600 frontend/dist/index.html`;
    await stack.release({ files: { [DOCKERFILE]: edited(stack, DOCKERFILE, COPIED, unreadable) } });
    await stack.sandbox.pull();
    const run = await underLoad(stack, 'deploy-prod-all', ['--data', 'keep']);
    expect(run.exitCode, run.text).toBe(1);
    expect(run.text).toMatch(/GET \/ answers (403|500)/);
    expectNoneLost(run);
    expect(stack.container('whalefall')).toBe(before);
    expect(await page()).toBe(shown);
  },
);

itInFull('a Dockerfile that does not say how the front end is made: refused, once its sources change', async () => {
  const files = { [DOCKERFILE]: edited(stack, DOCKERFILE, COPIED, `RUN sh ${BUILD}`) };
  stack.base = (await stack.release({ files })).commit;
  await stack.sandbox.pull();
  const args = ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes', '--data', 'keep'];
  const ended = await runScript('deploy-prod-all', args);
  expect(ended.exitCode, ended.text).toBe(0);
  await frontend('sixth');
  const refused = await update(stack);
  expectServed(refused, 3);
  expect(refused.text).toContain('frontend-build');
  await stack.release();
  expectServed(await update(stack));
});
