import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { listBackups } from '../../lib/domain/backup/manifest.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { type Deployment, production } from './model/deployment.ts';
import { unknown } from './model/flags.ts';
import { runAndCheck } from './model/invariants.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { release } from './model/release.ts';
import { appOf, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

// With the containerd image store an image is gone with its last name, although a container runs from it.

const KEEP = ['--yes', '--data', 'keep'];
const DELETE = ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'];
const BAKE = ['--yes', '--soak', '2s', '--bake'];

async function forgetful(made = updatable()): Promise<Deployment> {
  const d = await made;
  d.machine.engine.losesUnnamed = true;
  return d;
}

/** Names of what the application runs from. */
const names = (d: Deployment) => [...appOf(d).image.tags];

it('rebuilds after an update with --bake, which has taken the name of what runs', async () => {
  const d = await forgetful();
  expect(await updateAndCheck(d, BAKE)).toMatchObject({ exitCode: 0 });
  expect(names(d)).toEqual(['whalefall-ops-running:prod-whalefall']);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).not.toContain('no image any more');
});

it('keeps a name on what runs through a build by hand', async () => {
  const d = await forgetful(production());
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  d.machine.engine.addImage('app', 'whalefall:prod', { release: release('by hand') });
  expect(names(d)).toEqual(['whalefall-ops-running:prod-whalefall']);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(names(d)).toContain('whalefall-ops-running:prod-whalefall');
});

it('says what runs without an image, and rebuilds all the same', async () => {
  const d = await forgetful();
  // By hand, before anything of ours has named it.
  const before = names(d);
  for (const tag of before) d.machine.engine.addImage('app', tag, { release: release('by hand') });
  const planned = await runAndCheck(d, [...KEEP, '--plan']);
  expect(planned.text).toContain('The engine has no image any more for what runs');
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
});

/** Newer ones of the same names come by hand. */
function pull(d: Deployment): void {
  d.machine.engine.addImage('postgres', 'postgres:15-alpine');
  d.machine.engine.addImage('redis', 'redis:7-alpine');
}

const backUp = (d: Deployment) => d.run(['create'], { script: backupProd });
const imageOf = (d: Deployment, key: string) => d.container(key)?.image;

it('keeps the images of PostgreSQL and Redis through a pull by hand: whatever runs first has named them', async () => {
  const d = await forgetful(production());
  expect(await backUp(d)).toMatchObject({ exitCode: 0 });
  const images = ['postgres', 'redis'].map((key) => imageOf(d, key));
  pull(d);
  expect(images.map((image) => [...(image?.tags ?? [])])).toEqual([
    ['whalefall-ops-running:prod-postgres'],
    ['whalefall-ops-running:prod-redis'],
  ]);
  const again = await backUp(d);
  expect(again, again.text).toMatchObject({ exitCode: 0 });
  expect(again.text).not.toContain('no image any more');
  // What is deleted is made again of what it was.
  d.machine.release = release('broken', { neverHealthy: true });
  const ended = await runAndCheck(d, DELETE);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(imageOf(d, 'redis')).toBe(images[1]);
});

it('moves the names to what took the place, once that is proved', async () => {
  const d = await forgetful(production());
  pull(d);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect([...(imageOf(d, 'postgres')?.tags ?? [])]).toContain('whalefall-ops-running:prod-postgres');
});

it.each([
  ['backs up', backUp, 0],
  ['rebuilds', (d: Deployment) => runAndCheck(d, KEEP), 0],
  ['takes a deletion back', (d: Deployment) => runAndCheck(d, DELETE), 1],
])('%s with another image of the same major version where the very one is gone', async (_what, run, exitCode) => {
  const d = await forgetful(production());
  pull(d);
  if (exitCode === 1) d.machine.release = release('broken', { neverHealthy: true });
  const ended = await run(d);
  expect(ended.exitCode, ended.text).toBe(exitCode);
  expect(ended.text).toContain('postgres:15-alpine is used instead');
});

it('uses one of another name, and says what to fetch where there is none', async () => {
  const d = await forgetful(production());
  d.machine.engine.addImage('postgres', 'postgres:15-alpine', { env: { PG_MAJOR: '17' } });
  const refused = await backUp(d);
  expect(refused, refused.text).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('docker pull postgres:15'),
  });
  d.machine.engine.addImage('postgres', 'postgres:15', { env: { PG_MAJOR: '15' } });
  const ended = await backUp(d);
  expect(ended, ended.text).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining('postgres:15 is used instead'),
  });
});

describe('a backup whose own image is gone', () => {
  /** Backed up, and the image of its server is no more; what has taken its names is of this version. */
  async function backedUp(major: string): Promise<Deployment> {
    const d = await forgetful(production());
    expect(await backUp(d)).toMatchObject({ exitCode: 0 });
    const pulled = d.machine.engine.addImage('postgres', 'postgres:15-alpine', { env: { PG_MAJOR: major } });
    d.machine.engine.tag(pulled, 'whalefall-ops-running:prod-postgres');
    return d;
  }
  const verify = (d: Deployment) => d.run(['verify', 'latest'], { script: backupProd });
  const noted = (d: Deployment) => listBackups(path.join(d.state, 'backups')).stored[0]?.manifest.verification;

  it('is tried with another one of the same major version, and its rows are compared', async () => {
    const d = await backedUp('15');
    const ended = await verify(d);
    expect(ended, ended.text).toMatchObject({ exitCode: 0 });
    expect(ended.text).toContain('postgres:15-alpine is used instead');
    expect(noted(d)).toMatchObject({ level: 'restored' });
  });

  it('is not called damaged for what another image can not do', async () => {
    const d = await backedUp('15');
    const before = noted(d);
    const { override } = d.machine;
    d.machine.override = (call, typed) =>
      call.argv.includes('--single-transaction')
        ? { exitCode: 1, stderr: 'pg_restore: error: could not access file "$libdir/pg_trgm"\n' }
        : override(call, typed);
    const ended = await verify(d);
    expect(ended, ended.text).toMatchObject({ exitCode: 3 });
    expect(ended.text).toMatch(
      /could not be tried with another image than the one .* it can't be restored: .*pg_trgm/s,
    );
    expect(noted(d)).toEqual(before);
  });

  it.each<[string, (d: Deployment) => void]>([
    [
      'another major version runs',
      (d) => Object.assign(d.container('postgres') ?? {}, { image: d.machine.engine.image('postgres:15-alpine') }),
    ],
    ['none is there', (d) => d.machine.engine.remove(d.container('postgres') ?? unknown('no PostgreSQL'))],
  ])('is not tried at all where %s', async (_what, change) => {
    const d = await backedUp('17');
    const before = noted(d);
    change(d);
    const ended = await verify(d);
    expect(ended, ended.text).toMatchObject({ exitCode: 3 });
    expect(ended.text).toContain('is not here, and no other PostgreSQL 15 runs.');
    expect(noted(d)).toEqual(before);
  });
});
