import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { applyEnv } from '../../scripts/apply-env.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { type Deployment, deployment } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { release } from './model/release.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const REBUILD = ['--yes', '--data', 'keep'];
const HOT = ['--yes', '--soak', '2s'];
const [OLD, NEW] = [release('old').commit, release('new').commit];
const stampIn = (d: Deployment) => appOf(d).env.BUILD_HASH;
const envText = (d: Deployment) => readFileSync(path.join(d.dir, '.env'), 'utf8');

function stamping(d: Deployment): Deployment {
  const config = { bootSeconds: 6, release: { stamp: ['BUILD_HASH'] } };
  writeFileSync(path.join(d.root, 'target.json'), JSON.stringify(config));
  return d;
}

const stamped = async (): Promise<Deployment> => stamping(await updatable());

it('gives a new container the commit, says so before, and leaves .env alone', async () => {
  const d = await stamped();
  const before = envText(d);
  expect((await runAndCheck(d, ['--plan', '--data', 'keep'])).text).toMatch(/gets the commit +BUILD_HASH\n/);
  expect(stampIn(d)).toBeUndefined();
  const ended = await runAndCheck(d, REBUILD);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(stampIn(d)).toBe(OLD);
  expect(envText(d)).toBe(before);
  // Neither does anything that compares .env with the container take it for a change.
  expect((await runAndCheck(d, ['--plan', '--data', 'keep'])).text).not.toMatch(/\.env was changed/);
  expect(await d.run(['--yes'], { script: applyEnv })).toMatchObject({
    exitCode: 0,
    changes: [],
    text: expect.stringContaining('Nothing to do'),
  });
});

it('says before a hot update that the container keeps its own, and the next application of .env brings it', async () => {
  const d = await stamped();
  expect((await runAndCheck(d, REBUILD)).exitCode).toBe(0);
  const updated = await d.run(HOT, { script: UPDATE });
  expect(updated.exitCode, updated.text).toBe(0);
  expect(updated.text).toMatch(/BUILD_HASH: a container keeps what it was made with.*apply-env\.ts/);
  expect(updated.text).not.toMatch(/\.env was changed/);
  expect(stampIn(d)).toBe(OLD);
  const applied = await d.run(['--yes'], { script: applyEnv });
  expect(applied.exitCode, applied.text).toBe(0);
  expect(applied.text).toMatch(/gets the commit +BUILD_HASH\n/);
  expect(stampIn(d)).toBe(NEW);
});

it('goes back with the commit that runs then', async () => {
  const d = await stamped();
  expect((await runAndCheck(d, REBUILD)).exitCode).toBe(0);
  d.machine.repository?.checkOut(NEW);
  const forth = await d.run(REBUILD);
  expect(forth.exitCode, forth.text).toBe(0);
  expect(stampIn(d)).toBe(NEW);
  const back = await d.run(['previous', '--way', 'image', '--yes'], { script: rollbackProd });
  expect(back.exitCode, back.text).toBe(0);
  expect(stampIn(d)).toBe(OLD);
  expect(back.text).not.toMatch(/compose file has changed/);
});

it('proves none that says another commit, neither forth nor back', async () => {
  const d = await stamped();
  expect((await runAndCheck(d, REBUILD)).exitCode).toBe(0);
  d.machine.repository?.checkOut(NEW);
  expect((await d.run(REBUILD)).exitCode).toBe(0);
  // Whatever became of it on the way: it is what runs that is asked.
  d.machine.override = ({ argv }) => {
    const started = argv[1] === 'start' ? d.machine.engine.containers.find((c) => c.id === argv.at(-1)) : undefined;
    if (started?.env.BUILD_HASH) Object.assign(started.env, { BUILD_HASH: 'other' });
    return undefined;
  };
  const back = await d.run(['previous', '--way', 'image', '--yes'], { script: rollbackProd });
  expect(back.text).toMatch(/Not proved: BUILD_HASH is not the commit/);
  const forth = await d.run(REBUILD);
  expect(forth.text).toMatch(/BUILD_HASH is not the commit/);
});

it('refuses a line of .env that would take its place, also an empty one', async () => {
  const d = await stamped();
  for (const line of ['BUILD_HASH=', 'BUILD_HASH=abc']) {
    const { id } = appOf(d);
    const before = envText(d);
    d.writeEnv(`${before}${line}\n`);
    const ended = await runAndCheck(d, REBUILD);
    expect(ended).toMatchObject({ exitCode: 2, changes: [] });
    expect(ended.text).toMatch(/\.env BUILD_HASH: is given the commit .*Delete the line/);
    expect(appOf(d).id).toBe(id);
    d.writeEnv(before);
  }
});

it('leaves it out of a .env that it makes of the example', async () => {
  const d = stamping(deployment());
  const example = path.join(d.dir, 'env.example');
  writeFileSync(example, `${readFileSync(example, 'utf8')}BUILD_HASH=\n`);
  const ended = await d.run(['--yes', '--data', 'keep']);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(envText(d)).not.toContain('BUILD_HASH');
  expect(ended.text).not.toMatch(/\.env lacks/);
  expect(stampIn(d)).toMatch(/^[0-9a-f]{40}$/);
});
