import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { readManifest, writeManifest } from '../../lib/domain/backup/manifest.ts';
import { eachRun } from '../../lib/domain/ledger/runs.ts';
import { backOf, finishOf } from '../../lib/runs/interrupted/ways.ts';
import type { Deployment } from './model/deployment.ts';
import { restoreAndCheck } from './model/invariants-restore.ts';
import { NEW_REVISION, OLD_REVISION, release } from './model/release.ts';
import { backedUp, NAME, RESTORE, restorable, write, YES } from './model/restorable.ts';

vi.setConfig({ testTimeout: 60_000 });

const kept = (d: { cluster?: { databases: object } | undefined }) =>
  Object.keys(d.cluster?.databases ?? {}).filter((name) => name.includes('_before_'));

it('restores, comes back, and tells each command for it', async () => {
  const d = await restorable();
  const old = structuredClone(d.database);
  const ended = await restoreAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('Restored and proved') });
  const [name = ''] = kept(d);
  expect(ended.text).toContain(`restore-prod.ts --back ${name}`);
  expect(ended.text).toContain(`restore-prod.ts --drop ${name}`);
  const [run] = eachRun({ state: path.join(d.dir, '.whalefall-ops') });
  expect(run && backOf(run)).toEqual({ script: 'restore-prod', args: [`--back=${name}`] });
  const back = await d.run(['--back', name, ...YES], { script: RESTORE });
  expect(back.exitCode, back.text).toBe(0);
  expect(d.database).toEqual(old);
});

it('warns when the code that runs needs a newer schema than the backup has', async () => {
  const d = await restorable();
  const next = release('next', { head: NEW_REVISION });
  d.machine.release = next;
  expect(await d.run(['--yes', '--data', 'keep'])).toMatchObject({ exitCode: 0 });
  const ended = await d.run(YES, { script: RESTORE });
  expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('but for what is warned of') });
  expect(ended.text).toContain(`is at revision ${OLD_REVISION}, the code that runs needs ${NEW_REVISION}`);
  expect(ended.text).toContain(`update-prod-flask.ts --ref ${next.commit.slice(0, 10)}`);
});

it('restores all the same when nobody can tell which schema the code needs', async () => {
  const d = await restorable();
  let asked = 0;
  d.machine.override = (_call, typed) => {
    if (!typed.endsWith(' revisions')) return undefined;
    asked += 1;
    return { exitCode: 1, stderr: 'no such file' };
  };
  const ended = await restoreAndCheck(d, YES);
  expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringMatching(/Restored and proved$/m) });
  expect(asked).toBeGreaterThan(0);
});

it('changes nothing when it is only planned, or not agreed to', async () => {
  const d = await restorable();
  for (const [args, exitCode] of [
    [['--plan'], 0],
    [[], 4],
    [['--confirm', 'RESTORE'], 4],
  ] as const)
    expect(await restoreAndCheckUnchanged(d, args)).toMatchObject({ exitCode, changes: [] });
});

it.each([
  [{ subscriptions: ['head office'] }, /has subscriptions[\s\S]*ALTER SUBSCRIPTION "head office" DISABLE/],
  [{ slots: ['warehouse'] }, /slots warehouse[\s\S]*pg_drop_replication_slot\('warehouse'\);/],
] as const)('refuses a database that is replicated, and says how to go on: %j', async (replication, says) => {
  const d = await restorable();
  const server = d.container('postgres')?.server;
  if (server) server.replication = replication;
  const ended = await restoreAndCheck(d, YES);
  expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [], text: expect.stringMatching(says) });
});

it('passes over a newer backup that failed its verification, and says so', async () => {
  const d = await restorable();
  const { id, files } = await backedUp();
  const newer = '20991231T000000Z-whalefall_prod';
  write(d, newer, files);
  const dir = path.join(d.state, 'backups', newer);
  const { verification, ...manifest } = readManifest(path.join(d.state, 'backups', id));
  const failure = { level: 'restored', what: 'a table differs' } as const;
  const createdAt = '2099-12-31T00:00:00.000Z';
  const failed = { ...verification, level: 'none', failure } as const;
  writeManifest(dir, { ...manifest, id: newer, createdAt, verification: failed } as ReturnType<typeof readManifest>);
  const latest = await d.run(['--plan'], { script: RESTORE });
  expect(latest.text).toContain(`Newer, but damaged or failed at its last verification: ${newer}. Using ${id}.`);
  const named = await d.run([newer, '--plan', '--lang', 'zh'], { script: RESTORE });
  expect(named.text).toContain('最近一次验证失败');
});

it('restores where the database is gone', async () => {
  const d = await restorable();
  delete d.cluster?.databases[NAME];
  const ended = await restoreAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(kept(d)).toEqual([]);
});

it('takes it back where there was no database before', async () => {
  const gone = async () => {
    const d = await restorable();
    delete d.cluster?.databases[NAME];
    return d;
  };
  const { points } = await (await gone()).run(YES, { script: RESTORE });
  const proving = points.findLastIndex((p) => p.label.includes('-d whalefall_prod <'));
  const d = await gone();
  const fault = { ...(points[proving] as (typeof points)[number]), how: 'interrupt' } as const;
  const ended = await restoreAndCheck(d, YES, { fault });
  expect(ended, ended.text).toMatchObject({ struck: true, exitCode: 130 });
  expect(ended.text).toContain('There is no database whalefall_prod, as before.');
  expect(d.database).toBeUndefined();
  expect(kept(d)).toHaveLength(1);
});

it.each(['a backup', 'what was put aside'])(
  'drops nothing that was written between the swap and the way back: %s',
  async (to) => {
    const given = async () => {
      const d = await restorable();
      if (to === 'a backup') return { d, args: YES };
      expect(await d.run(YES, { script: RESTORE })).toMatchObject({ exitCode: 0 });
      return { d, args: ['--back', kept(d)[0] ?? '', ...YES] };
    };
    const first = await given();
    const { points } = await first.d.run(first.args, { script: RESTORE });
    const proving = points.findLastIndex((p) => p.label.includes('-d whalefall_prod <'));
    const fault = { ...(points[proving] as (typeof points)[number]), how: 'interrupt' } as const;
    const { d, args } = await given();
    d.database?.tables.notes?.push('of the one in use');
    const old = structuredClone(d.database);
    d.machine.override = () => {
      const notes = d.database?.tables.notes ?? [];
      const goesOn = !d.container('whalefall')?.app?.frozen;
      if (goesOn && !notes.includes('of the one in use')) notes.push('acknowledged');
      return undefined;
    };
    const ended = await d.run(args, { script: RESTORE, fault });
    expect(ended, ended.text).toMatchObject({ struck: true, exitCode: 130 });
    expect(d.database).toEqual(old);
    const [name = '', ...more] = Object.entries(d.cluster?.databases ?? {})
      .filter(([, { tables }]) => tables.notes?.includes('acknowledged'))
      .map(([key]) => key);
    expect([name, more]).toEqual([expect.stringContaining('_before_'), []]);
    expect(ended.text).toContain(`restore-prod.ts --drop ${name}`);
    const drop = await d.run(['--drop', name, '--confirm', `DROP ${name}`], { script: RESTORE });
    expect(drop, drop.text).toMatchObject({
      exitCode: 3,
      text: expect.stringContaining('no backup that was restored'),
    });
  },
);

it('restores without the application', async () => {
  const d = await restorable();
  const app = d.container('whalefall');
  if (app) d.machine.engine.stop(app);
  expect(await restoreAndCheck(d, YES)).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining('The application does not run'),
  });
});

it('keeps what it restored when the application was not healthy before either, and says so', async () => {
  const d = await restorable();
  const redis = d.container('redis');
  if (redis) d.machine.engine.stop(redis);
  const ended = await restoreAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 6, text: expect.stringContaining('It was not healthy before either') });
  expect(d.database?.tables.notes).not.toContain('written since the backup');
});

it('takes it back when the application is not healthy on it any more', async () => {
  const d = await restorable();
  const redis = d.container('redis');
  d.machine.override = (_call, typed) => {
    if (typed.includes('pg_restore') && redis) d.machine.engine.stop(redis);
    return undefined;
  };
  const ended = await d.run(YES, { script: RESTORE });
  expect(ended.exitCode, ended.text).toBe(6); // Redis is gone: what was there can't be proved to serve either
  expect(d.database?.tables.notes).toContain('written since the backup');
});

it('says that the application is paused, and does not begin', async () => {
  const d = await restorable();
  const app = d.container('whalefall');
  if (app) app.state = 'paused';
  expect(await restoreAndCheck(d, YES)).toMatchObject({
    exitCode: 3,
    changes: [],
    text: expect.stringContaining(`docker unpause ${app?.id.slice(0, 12)}`),
  });
});

/** What is wrong with a backup, and what is said of it. */
const REFUSED: readonly (readonly [string, (dir: string) => Promise<unknown> | undefined, RegExp])[] = [
  ['is not there', async (dir) => rmSync(dir, { recursive: true }), /There is no backup/],
  ['has no globals', async (dir) => rmSync(path.join(dir, 'globals.sql')), /globals\.sql is missing/],
  [
    'is of another database',
    (dir) => edit(dir, (m) => ({ database: { ...m.database, name: 'other' } })),
    /no backup of/,
  ],
  [
    'is of a newer PostgreSQL',
    (dir) => edit(dir, (m) => ({ server: { ...m.server, versionNumber: 990_001, version: '99.1' } })),
    /PostgreSQL 99\.1/,
  ],
  ['is more than the disk holds', (dir) => edit(dir, () => ({ databaseBytes: 1e15 })), /Not enough disk/],
];

it('refuses a bad backup before anything is begun', async () => {
  const d = await restorable();
  const { id, files } = await backedUp();
  const dir = path.join(d.state, 'backups', id);
  for (const [what, spoil, said] of REFUSED) {
    await spoil(dir);
    const ended = await restoreAndCheck(d, YES);
    expect(ended, what).toMatchObject({ exitCode: 3, changes: [], text: expect.stringMatching(said) });
    write(d, id, files);
  }
});

it('names the backups that there are when one is not', async () => {
  const d = await restorable();
  const { id } = await backedUp();
  const ended = await restoreAndCheck(d, ['nosuch', ...YES]);
  expect(ended).toMatchObject({ exitCode: 3, text: expect.stringContaining(id) });
});

it('restores nothing of which a byte has changed', async () => {
  const d = await restorable();
  const { id, files } = await backedUp();
  const dump = Buffer.from(files.get('database.dump') ?? '');
  dump.writeUInt8(dump.readUInt8(40) ^ 1, 40);
  write(d, id, new Map([['database.dump', dump]]));
  expect(await restoreAndCheck(d, YES)).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('is not the file that was written'),
  });
});

it('drops only what a restore left, when it is named, and when something newer is saved', async () => {
  const d = await restorable();
  await restoreAndCheck(d, YES);
  const [name = ''] = kept(d);
  const drop = (database: string, ...more: string[]) => d.run(['--drop', database, ...more], { script: RESTORE });
  expect(await drop('postgres', '--confirm', 'DROP postgres')).toMatchObject({ exitCode: 3, changes: [] });
  expect(await drop(name, '--confirm', `DROP ${name}`)).toMatchObject({
    exitCode: 3,
    changes: [],
    text: expect.stringContaining('backup-prod.ts create'),
  });
  const { id } = await backedUp();
  const dir = path.join(d.state, 'backups', id);
  await edit(dir, () => ({ createdAt: new Date(d.machine.clock.now()).toISOString() }));
  expect(await drop(name)).toMatchObject({ exitCode: 4, changes: [] });
  expect(kept(d)).toEqual([name]);
  expect((await drop(name, '--confirm', `DROP ${name}`)).exitCode).toBe(0);
  expect(kept(d)).toEqual([]);
});

type Manifest = Parameters<typeof writeManifest>[1] & { kind: 'database' };

async function edit(dir: string, change: (manifest: Manifest) => Partial<Manifest>): Promise<void> {
  const manifest = readManifest(dir) as Manifest;
  await writeManifest(dir, { ...manifest, ...change(manifest) });
}

async function restoreAndCheckUnchanged(d: Awaited<ReturnType<typeof restorable>>, args: readonly string[]) {
  const had = existsSync(path.join(d.state, 'runs'));
  const before = structuredClone(d.cluster?.databases);
  const ended = await restoreAndCheck(d, args);
  expect(d.cluster?.databases).toEqual(before);
  if (args.includes('--plan')) expect(existsSync(path.join(d.state, 'runs'))).toBe(had);
  return ended;
}

it('is finished with the very backup that it was begun with, whatever was the newest then', async () => {
  const d = await restorable();
  const [backup] = readdirSync(path.join(d.state, 'backups'));
  await restoreAndCheck(d, YES);
  const [run] = eachRun(d, (_, script) => script === 'restore-prod');
  expect(run && finishOf(run).args).toEqual([path.join(d.state, 'backups', String(backup))]);
});

it('waits for an application that the engine is just starting again', async () => {
  const d = await restorable();
  let swapped = false;
  d.machine.override = (call) => {
    swapped ||= call.input.includes('RENAME TO');
    if (swapped && call.input.includes('alembic_version')) {
      swapped = false;
      d.container('whalefall')?.app?.die();
    }
    return undefined;
  };
  const ended = await restoreAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(0);
});

it('takes no database of the cluster that no restore has put aside', async () => {
  const d = await restorable();
  const { cluster } = d;
  if (cluster) cluster.databases.other_team = { ...(await backedUp()).content };
  const ended = await d.run(['--back', 'other_team', ...YES], { script: RESTORE });
  expect(ended, ended.text).toMatchObject({
    exitCode: 3,
    changes: [],
    text: expect.stringContaining('No restore has put database other_team aside'),
  });
});

/** A run that is killed after its last change of the server: the swap, the drop. */
async function killedAfterLast(
  args: (d: Deployment) => readonly string[],
  given: () => Promise<Deployment>,
  script = RESTORE,
) {
  const learned = await given();
  const { points } = await learned.run(args(learned), { script });
  const swap = points.findLast((p) => p.isChange && p.label.includes(' psql '));
  if (swap === undefined) throw new Error('nothing is swapped');
  const d = await given();
  const fault = { ...swap, how: 'killed-after' } as const;
  expect(await d.run(args(d), { script, fault })).toMatchObject({ struck: true, exitCode: 137 });
  return d;
}

it('is not done a second time when it was killed after the swap: the way back is to what was there before', async () => {
  const d = await killedAfterLast(() => YES, restorable);
  const [before = '', ...others] = kept(d);
  expect(others).toEqual([]);
  const planned = await d.run(['--plan'], { script: RESTORE });
  expect(planned.text).not.toMatch(/CREATE DATABASE/);
  const again = await d.run(['--yes'], { script: RESTORE });
  expect(again.exitCode, again.text).toBe(0);
  expect(again.text).toContain(`restore-prod.ts --back ${before}`);
  expect(again.changes.filter((c) => /pg_restore|RENAME/.test(c))).toEqual([]);
  expect(kept(d)).toEqual([before]);
  // Once more is another restore.
  expect((await restoreAndCheck(d, YES)).changes.join()).toMatch(/pg_restore/);
});

it('is finished with success when it was killed on the way back, after the swap', async () => {
  const restored = async () => {
    const d = await restorable();
    await restoreAndCheck(d, YES);
    return d;
  };
  let name = '';
  const back = (d: Deployment) => {
    name = kept(d)[0] ?? '';
    return ['--back', name, ...YES];
  };
  const d = await killedAfterLast(back, restored);
  const again = await d.run(['--back', name, '--yes'], { script: RESTORE });
  expect(again.exitCode, again.text).toBe(0);
  expect(d.database?.tables.notes).toContain('written since the backup');
});

it('is finished with success when it was killed after the drop', async () => {
  const given = async () => {
    const d = await restorable();
    await restoreAndCheck(d, YES);
    const dir = path.join(d.state, 'backups', (await backedUp()).id);
    await edit(dir, () => ({ createdAt: new Date(d.machine.clock.now() + 5_000).toISOString() }));
    return d;
  };
  let name = '';
  const drop = (d: Deployment) => {
    name = kept(d)[0] ?? '';
    return ['--drop', name, '--confirm', `DROP ${name}`];
  };
  const d = await killedAfterLast(drop, given);
  expect(kept(d)).toEqual([]);
  const again = await d.run(['--drop', name, '--yes'], { script: RESTORE });
  expect(again.exitCode, again.text).toBe(0);
  expect((await d.run(['--drop', name, '--yes'], { script: RESTORE })).exitCode).toBe(3);
});
