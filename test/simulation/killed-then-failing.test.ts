import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import type { Script } from '../../lib/runs/command-line/script.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import type { Check } from './model/again.ts';
import { ROOT, wrongIn } from './model/app-files.ts';
import { at } from './model/at.ts';
import { type Bad, breaks } from './model/broken-releases.ts';
import { type Deployment, deployment, production } from './model/deployment.ts';
import type { How } from './model/faults.ts';
import { journals } from './model/journals.ts';
import { rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { RESTORE, YES } from './model/restorable.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';
import { UPGRADE } from './model/upgradable.ts';

vi.setConfig({ testTimeout: 120_000 });

const KEEP = ['--yes', '--data', 'keep'];
const DELETE = ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'];
const WITH_DATA = ['previous', '--way', 'image', '--data', 'latest', '--confirm', 'RESTORE whalefall_prod'];
const KEYS = ['postgres', 'redis', 'whalefall'] as const;
const KILLED = { exitCode: 137, struck: true };

/** Production whose application starts with the machine, whoever had stopped it; a release that brings a migration comes next. */
async function migrates(made: Deployment): Promise<void> {
  made.editCompose(({ services }) => Object.assign(services.whalefall ?? {}, { restart: 'always' }));
  await production(made);
  made.machine.release = release('new', { head: NEW_REVISION });
}

/** Two releases, and a backup that one goes back with. */
async function goesBack(made: Deployment): Promise<void> {
  await rebuilt(made);
  appOf(made).restart = 'always';
  expect(await made.run(['create'], { script: backupProd })).toMatchObject({ exitCode: 0 });
}

const VOLUME_GONE = /^docker volume rm \S+_postgres_data$/;
const USERDATA = /^docker cp - <id>:\/app$/;

it.each<
  [
    did: string,
    Script,
    given: (d: Deployment) => Promise<void>,
    args: readonly string[],
    at: readonly [RegExp, How],
    Bad,
  ]
>([
  ['migrated', deployProdAll, migrates, KEEP, [USERDATA, 'killed'], { exitsAtStart: true }],
  ['swapped', rollbackProd, goesBack, WITH_DATA, [USERDATA, 'killed'], { exitsInPlace: true }],
  ['deleted', deployProdAll, migrates, DELETE, [VOLUME_GONE, 'killed-after'], { exitsAtStart: true }],
])(
  'former code is not started on data that a killed run had %s',
  async (_did, script, given, args, [point, how], bad) => {
    const failing: Check = async (d, _args, options) => {
      const served = d.container('whalefall')?.id ?? '';
      const ended = await d.run(args, options);
      const mend = breaks(d, bad);
      const { exitCode, text } = await d.run(args, { script });
      mend();
      expect(exitCode, text).toBe(1);
      expect(text).toMatch(/As before: The application is stopped, and its code must not start on the data/);
      expect(text).toMatch(/runs\.ts resume \d{8}T\d{6}Z-/);
      expect(text).not.toMatch(/the one from before|the old release serves/);
      expect(d.container('whalefall')).toMatchObject({ id: served, name: 'prod_whalefall_prod', state: 'exited' });
      d.machine.engine.reboot();
      expect(d.machine.engine.container(served).state).toBe('exited');
      expect(await d.run(args, { script })).toMatchObject({ exitCode: 0 });
      expect(appOf(d)).toMatchObject({ name: 'prod_whalefall_prod', state: 'running' });
      return ended;
    };
    expect(await at(point, how, given, { args, check: failing, script })).toMatchObject(KILLED);
  },
);

it('no upgrade of PostgreSQL starts it, and a restore settles which data there is', async () => {
  const next: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    const served = d.container('whalefall')?.id;
    const { exitCode, text } = await d.run(['--to', 'postgres:15-alpine'], { script: UPGRADE });
    expect(exitCode, text).toBe(3);
    expect(text).toMatch(/must not start on the data as it is: run \S+ had begun to migrate the database/);
    const [, backup = ''] = /restore-prod\.ts (\S+) && docker start/.exec(text) ?? [];
    expect(await d.run([backup, ...YES], { script: RESTORE })).toMatchObject({ exitCode: 0 });
    d.machine.release = release('broken', { exitsAtStart: true });
    expect(await d.run(args)).toMatchObject({ exitCode: 1 });
    expect(d.container('whalefall')).toMatchObject({ id: served, state: 'running', restart: 'always' });
    return ended;
  };
  expect(await at(USERDATA, 'killed', migrates, { args: KEEP, check: next })).toMatchObject(KILLED);
});

/** A compose file that asks for another container of PostgreSQL comes next. */
async function replacesPostgres(made: Deployment): Promise<void> {
  await production(made);
  made.editCompose(({ services }) => Object.assign(services.postgres ?? {}, { labels: { team: 'ops' } }));
}

it.each<[what: string, given: (d: Deployment) => Promise<unknown>, args: readonly string[], Bad]>([
  ['PostgreSQL, to replace it', replacesPostgres, KEEP, { buildFails: true }],
  ['PostgreSQL, to replace it, and the next one replaces it', replacesPostgres, KEEP, { exitsInPlace: true }],
  ['all, to delete their data', production, DELETE, { buildFails: true }],
])('a run that fails starts again what a killed one had stopped: %s', async (_what, given, args, bad) => {
  const failing: Check = async (d, _args, options) => {
    const served = KEYS.map((key) => d.container(key)?.id);
    const ended = await d.run(args, options);
    expect(d.container('postgres')?.state).toBe('exited');
    d.machine.release = release('broken', bad);
    const { exitCode, text } = await d.run(KEEP);
    expect(exitCode, text).toBe(1);
    expect(text).toMatch(/Everything is as before, and the old release serves/);
    expect(KEYS.map((key) => d.container(key)?.id)).toEqual(served);
    expect(KEYS.map((key) => d.container(key)?.state)).toEqual(['running', 'running', 'running']);
    return ended;
  };
  expect(await at(/^docker stop -t 60 <id>$/, 'killed-after', given, { args, check: failing })).toMatchObject(KILLED);
});

it('by hand, all that a killed run had stopped is started', async () => {
  const failing: Check = async (d, args, options) => {
    const all = KEYS.map((key) => d.container(key)?.id.slice(0, 12));
    const [postgres] = all;
    const ended = await d.run(args, options);
    d.machine.release = release('broken', { buildFails: true });
    d.machine.override = (_call, typed) =>
      typed.startsWith(`docker start ${postgres}`) ? { exitCode: 1, stderr: 'no\n' } : undefined;
    const { exitCode, text } = await d.run(args);
    expect(exitCode, text).toBe(6);
    const started = [...text.matchAll(/docker start (\w{12})$/gm)].map(([, id]) => id);
    expect(started).toEqual(all);
    return ended;
  };
  const stopped = at(/^docker stop -t 60 <id>$/, 'killed-after', replacesPostgres, { args: KEEP, check: failing });
  expect(await stopped).toMatchObject(KILLED);
});

it('what a killed run had stopped comes back with its .env and its database’s password', async () => {
  const OLD = 'sentinel-postgres-4f1c9a';
  const changed = async (made: Deployment) => {
    await production(made);
    expect(await made.run(KEEP)).toMatchObject({ exitCode: 0 });
    made.writeEnv(readFileSync(path.join(made.dir, '.env'), 'utf8').replaceAll(OLD, 'sentinel-another-4711'));
    made.machine.release = release('next');
  };
  const failing: Check = async (d, args, options) => {
    const served = d.container('whalefall')?.id;
    const ended = await d.run(args, options);
    d.machine.release = release('broken', { buildFails: true });
    const { exitCode, text } = await d.run(args);
    expect(exitCode, text).toBe(1);
    expect(d.container('whalefall')).toMatchObject({ id: served, state: 'running' });
    expect(readFileSync(path.join(d.dir, '.env'), 'utf8')).toContain(OLD);
    return ended;
  };
  expect(await at(USERDATA, 'killed', changed, { args: KEEP, check: failing })).toMatchObject(KILLED);
});

it.each([
  ['the application', /^docker stop -t \d+ <id>$/, 'whalefall'],
  ['PostgreSQL', /^docker stop -t 60 <id>$/, 'postgres'],
] as const)(
  '%s that was being taken back at a kill, and had run for long, is not what production is',
  async (_what, stop, key) => {
    const given = async (made: Deployment) => {
      writeFileSync(path.join(made.root, 'target.json'), JSON.stringify({ bootSeconds: 60 }));
      await replacesPostgres(made);
      made.machine.release = release('broken', { deepUnhealthy: true });
    };
    const [learned, d] = [deployment(), deployment()];
    await given(learned);
    await given(d);
    const { points } = await learned.run(KEEP);
    const started = points.findLastIndex(
      (p) => /^docker rename <id> prod_whalefall_prod$/.test(p.label) && p.nth === 1,
    );
    const point = points.find((p, i) => i > started && p.isChange && stop.test(p.label));
    if (!point) throw new Error('nothing was taken back');
    const served = d.container(key)?.id;
    expect(await d.run(KEEP, { fault: { ...point, how: 'killed-after' } })).toMatchObject(KILLED);
    const aside = d.machine.engine.containers.filter((c) => c.name.startsWith(`prod_${key}_prod-next-`));
    expect(aside.map((c) => c.state)).toEqual(['exited']);
    d.machine.release = release('worse', { buildFails: true });
    const { exitCode, text } = await d.run(KEEP);
    expect(exitCode, text).toBe(1);
    expect(text).toMatch(/Everything is as before, and the old release serves/);
    expect(d.container(key)?.id).toBe(served);
  },
);

it.each<[when: string, point: RegExp, how: How, back: 'former' | 'new']>([
  ['with its files in place', / - place$/, 'killed-after', 'former'],
  ['with its workers replaced', / - workers$/, 'killed-after', 'former'],
  ['when its release had been proved', / - sweep$/, 'killed', 'new'],
])(
  'a hot update that fails goes back to what was proved last, after one that was killed %s',
  async (_when, point, how, back) => {
    const failing: Check = async (d, args, options) => {
      const former = appOf(d).image.release?.commit ?? '';
      const pushed = d.machine.repository?.remote.get('main') ?? '';
      const ended = await d.run(args, options);
      const mend = breaks(d, { crashesInPlace: true });
      const { exitCode, text } = await d.run(args, { script: UPDATE });
      mend();
      const behind = 'The release from before the run that was killed serves';
      const wanted = back === 'former' ? [former, behind] : [pushed, 'The old release serves, every file as before'];
      expect(exitCode, text).toBe(1);
      expect(text).toContain(wanted[1]);
      const { web, releases } = appOf(d).app ?? {};
      expect(web?.workers.map((w) => w.content)).toEqual([wanted[0], wanted[0]]);
      const release = releases?.get(wanted[0] ?? '');
      expect(release && wrongIn(appOf(d), ROOT, release, releases ?? new Map())).toEqual([]);
      expect(await d.run(args, { script: UPDATE })).toMatchObject({ exitCode: 0 });
      return ended;
    };
    const update = { args: ['--yes', '--soak', '2s'], check: failing, script: UPDATE };
    expect(await at(point, how, (made) => updatable({}, { made }), update)).toMatchObject(KILLED);
  },
);

it('does not call its files those of the old release, where a killed update had put its own in place and the next one fails before it does', async () => {
  const failing: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    const mend = breaks(d, { deepUnhealthy: true });
    const { exitCode, text } = await d.run(args, { script: UPDATE });
    mend();
    expect(exitCode, text).toBe(1);
    expect(text).toMatch(
      /What served when this run began serves, every file as it was then; but the run before it was/,
    );
    expect(text).not.toMatch(/every file as before/);
    return ended;
  };
  const update = { args: ['--yes', '--soak', '2s'], check: failing, script: UPDATE };
  expect(await at(/ - place$/, 'killed-after', (made) => updatable({}, { made }), update)).toMatchObject(KILLED);
});

it('the way back of an update that finishes a killed one is to what was proved before it', async () => {
  const finishing: Check = async (d, args, options) => {
    const former = appOf(d).image.release?.commit ?? '';
    const ended = await d.run(args, options);
    const { exitCode, text } = await d.run(args, { script: UPDATE });
    expect(exitCode, text).toBe(0);
    expect(text).toMatch(new RegExp(`old release +${former.slice(0, 10)}`));
    expect(text).toMatch(new RegExp(`way back to the former release: .* ${former.slice(0, 10)}`));
    const plan = journals(d)
      .at(-1)
      ?.entries.findLast((entry) => entry.event === 'plan');
    expect(plan).toMatchObject({ back: { args: [`--ref=${former}`] } });
    return ended;
  };
  const update = { args: ['--yes', '--soak', '2s'], check: finishing, script: UPDATE };
  expect(await at(/ - place$/, 'killed-after', (made) => updatable({}, { made }), update)).toMatchObject(KILLED);
});
