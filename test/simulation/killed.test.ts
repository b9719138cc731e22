import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { eachRun } from '../../lib/domain/ledger/runs.ts';
import type { Script } from '../../lib/runs/command-line/script.ts';
import { backOf } from '../../lib/runs/interrupted/ways.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { type Check, twice } from './model/again.ts';
import { pathsBelow } from './model/app-files.ts';
import { at } from './model/at.ts';
import { type Deployment, type Ended, production } from './model/deployment.ts';
import { keepsData, runAndCheck } from './model/invariants.ts';
import { hotCheck, updateAndCheck } from './model/invariants-update.ts';
import { rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { GUNICORN, gunicornConfig, SUPERVISOR, supervisorConfig } from './model/release-files.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';
import { IMAGE, TO, UPGRADE, upgradable } from './model/upgradable.ts';

vi.setConfig({ testTimeout: 120_000 });

const KEEP = ['--yes', '--data', 'keep'];
const HOT = ['--yes', '--soak', '2s'];

const DELETE = ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'];
const deletion = { args: DELETE, check: twice(runAndCheck) };
const rebuild = { args: KEEP, check: keepsData(twice(runAndCheck)) };
const RELOADING = /Reload gunicorn|nobody has read yet/;
const update = { args: HOT, check: twice(updateAndCheck), script: UPDATE };

it.each([
  ['the new container was made', /containers\/create\?name=\S+-next-/, 'killed-after'],
  ['userdata was to be put into it', /^docker cp - .*:\/app$/, 'killed'],
  ['the old one had lost its name', /^docker rename <id> \S+-before-/, 'killed-after'],
  ['the new one was to get it', /^docker rename <id> prod_whalefall_prod$/, 'killed'],
  ['the new one had got it', /^docker rename <id> prod_whalefall_prod$/, 'killed-after'],
  ['the new one was started', /^docker start <id>$/, 'killed-after'],
  ['the new one was proved, and the old one was to go', /^docker rm -f -v <id>$/, 'killed'],
] as const)('userdata comes back after a rebuild that was killed when %s', async (_when, command, how) => {
  expect(await at(command, how, production, rebuild)).toMatchObject({ exitCode: 137, struck: true });
});

it('userdata comes back also when somebody has recreated the container after the kill', async () => {
  const recreated: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    await d.byHand('up --no-start --force-recreate --no-deps --no-build --pull never whalefall');
    d.machine.ledger.losses.length = 0; // no script's doing
    expect(await runAndCheck(d, args)).toMatchObject({ exitCode: 0 });
    expect(d.userdata).toEqual({ '/app/userdata/upload.txt': 'an upload' });
    return ended;
  };
  const ended = await at(/^docker rename <id> \S+-before-/, 'killed', production, { args: KEEP, check: recreated });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('the very container that served is the way back of the next run, too', async () => {
  const failing: Check = async (d, args, options) => {
    const served = d.container('whalefall')?.id;
    d.machine.release = release('broken', { exitsInPlace: true });
    const ended = await d.run(args, options);
    expect(d.container('whalefall')?.id).not.toBe(served);
    expect(await d.run(args)).toMatchObject({ exitCode: 1 }); // better than before it
    expect(d.container('whalefall')).toMatchObject({ id: served, name: 'prod_whalefall_prod', state: 'running' });
    expect(d.machine.engine.containers).toHaveLength(3);
    return ended;
  };
  const ended = await at(/^docker start <id>$/, 'killed-after', production, { args: KEEP, check: failing });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

/** Production whose containers start with the machine, whoever had stopped them. */
async function always(made: Deployment): Promise<Deployment> {
  made.editCompose(({ services }) => {
    for (const service of Object.values(services)) service.restart = 'always';
  });
  return production(made);
}

it.each([
  ['stopped', /^docker stop -t \d+ <id>$/, 'killed-after'],
  ['renamed', /^docker rename <id> \S+-before-/, 'killed-after'],
  ['kept from starting by itself', /^docker update --restart no <id>$/, 'killed-after'],
  ['succeeded', /^docker start <id>$/, 'killed-after'],
] as const)(
  'one that was %s before a kill and a reboot is production once, and starts with the machine',
  async (_what, command, how) => {
    const rebooted: Check = async (d, args, options) => {
      const ended = await d.run(args, options);
      d.machine.engine.reboot();
      await d.machine.clock.sleep(10_000);
      const up = d.machine.engine.containers.filter(
        (c) => c.state === 'running' && c.name.startsWith('prod_whalefall_prod'),
      );
      expect(up.length).toBeLessThan(2);
      const kept = d.machine.engine.containers.find((c) => c.name.includes('_prod-before-'));
      // What has taken its place, as far as it can be seen from outside, is not disturbed by it.
      if (d.machine.engine.find('prod_whalefall_prod')) expect(kept?.state ?? 'exited').toBe('exited');
      // The next run is no good either: what is given back then is as it was.
      d.machine.release = release('broken', { exitsInPlace: true });
      await d.run(args);
      expect(d.container('whalefall')).toMatchObject({ name: 'prod_whalefall_prod', restart: 'always' });
      d.machine.release = release('new');
      expect(await runAndCheck(d, args)).toMatchObject({ exitCode: 0 });
      expect(d.container('whalefall')).toMatchObject({ name: 'prod_whalefall_prod', restart: 'always' });
      expect(d.userdata).toEqual({ '/app/userdata/upload.txt': 'an upload' });
      return ended;
    };
    expect(await at(command, how, always, { args: KEEP, check: rebooted })).toMatchObject({
      exitCode: 137,
      struck: true,
    });
  },
);

it.each<[where: string, bad: Parameters<typeof release>[1]]>([
  ['before it stops anything', { exitsAtStart: true }],
  ['where the new one starts', { exitsInPlace: true }],
])('what a killed run had stopped is started again by the next one that fails %s', async (_where, bad) => {
  const failing: Check = async (d, args, options) => {
    const served = d.container('whalefall')?.id;
    const ended = await d.run(args, options);
    expect(d.container('whalefall')).toMatchObject({ id: served, state: 'exited' });
    d.machine.release = release('broken', bad);
    const { exitCode, text } = await d.run(args);
    expect(exitCode, text).toBe(1);
    expect(text).toMatch(/The application does not run: run \d+T\d+Z stopped it and was killed/);
    expect(text).toMatch(/Everything is as before, and the old release serves/);
    expect(d.container('whalefall')).toMatchObject({ id: served, name: 'prod_whalefall_prod', state: 'running' });
    d.machine.release = release('new');
    expect(await runAndCheck(d, args)).toMatchObject({ exitCode: 0 });
    return ended;
  };
  const ended = await at(/^docker stop -t \d+ <id>$/, 'killed-after', production, { args: KEEP, check: failing });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('the next upgrade of PostgreSQL starts what a killed one had stopped before it tries anything', async () => {
  const next: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    expect(appOf(d).state).toBe('exited');
    Object.assign(d.container('postgres')?.server ?? {}, { told: [{ name: 'old_setting', value: '1' }] });
    Object.assign(d.machine.engine.image(IMAGE), { lacks: ['old_setting'] });
    const { exitCode, text } = await d.run(args, { script: UPGRADE });
    expect(exitCode, text).not.toBe(0);
    expect(text).toContain('old_setting');
    expect(appOf(d).state).toBe('running');
    return ended;
  };
  const upgrade = { args: TO, check: next, script: UPGRADE };
  const ended = await at(/pg_restore/, 'killed', upgradable, upgrade);
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it.each([
  ['stopped', /^docker stop -t \d+ <id>$/],
  ['put aside', /^docker rename <id> \S+-before-/],
] as const)('no upgrade of PostgreSQL starts an application that a killed rebuild has %s', async (_what, command) => {
  const refused: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    d.machine.engine.addImage('postgres', IMAGE, { env: { PG_MAJOR: '17' } });
    const upgraded = await d.run(TO, { script: UPGRADE });
    expect(upgraded.exitCode, upgraded.text).toBe(3);
    expect(upgraded.changes.filter((c) => !/^docker rm /.test(c))).toEqual([]); // helpers of the killed one
    expect(upgraded.text).toMatch(/Finish that run first: .*npx tsx scripts\/runs\.ts resume \w+-deploy-prod-all/);
    expect(await d.run(args)).toMatchObject({ exitCode: 0 });
    return ended;
  };
  const ended = await at(command, 'killed-after', production, { args: KEEP, check: refused });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

/** A release that brings a migration comes next. */
async function migrates(made: Deployment): Promise<void> {
  await always(made);
  made.machine.release = release('new', { head: NEW_REVISION });
}

/** Two releases, and a backup that one goes back with. */
async function goesBack(made: Deployment): Promise<void> {
  await rebuilt(made);
  appOf(made).restart = 'always';
  expect(await made.run(['create'], { script: backupProd })).toMatchObject({ exitCode: 0 });
}
const WITH_DATA = ['previous', '--way', 'image', '--data', 'latest', '--confirm', 'RESTORE whalefall_prod'];

it.each<[did: string, Script, given: (d: Deployment) => Promise<void>, args: readonly string[], policy: string]>([
  ['migrated', deployProdAll, migrates, KEEP, 'always'],
  ['swapped', rollbackProd, goesBack, WITH_DATA, 'unless-stopped'],
])('no reboot starts the former code on data that a killed run had %s', async (_did, script, given, args, restart) => {
  const rebooted: Check = async (d, _args, options) => {
    const served = d.container('whalefall')?.id;
    const ended = await d.run(args, options);
    d.machine.engine.reboot();
    await d.machine.clock.sleep(10_000);
    expect(d.container('whalefall')).toMatchObject({ id: served, state: 'exited' });
    expect(await d.run(args, { script })).toMatchObject({ exitCode: 0 });
    expect(d.container('whalefall')).toMatchObject({ name: 'prod_whalefall_prod', restart });
    return ended;
  };
  const ended = await at(/^docker cp - <id>:\/app$/, 'killed', given, { args, check: rebooted, script });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it.each([
  ['the containers were gone and no volume', /^docker volume rm \S+_postgres_data$/, 'killed'],
  ['Redis had never run on its new volume', /^docker cp - .*:\/var\/lib\/postgresql$/, 'killed-after'],
] as const)('a deletion that was killed when %s is done by the next start', async (_when, command, how) => {
  expect(await at(command, how, production, deletion)).toMatchObject({ exitCode: 137, struck: true });
});

it('there are no more workers than before after an update that was killed while it replaced them', async () => {
  const given = (made: Deployment) => updatable({}, { made });
  // The old workers were to be sent away.
  expect(await at(/ workers$/, 'killed', given, update)).toMatchObject({ exitCode: 137, struck: true });
});

it('another configuration of gunicorn comes into force after an update that was killed before it was read', async () => {
  const given = (made: Deployment) => updatable({ files: { [GUNICORN]: gunicornConfig(3) } }, { made });
  expect(await at(/ - place$/, 'killed-after', given, update)).toMatchObject({ exitCode: 137, struck: true });
});

it('and after the next one was killed as well', async () => {
  const given = (made: Deployment) => updatable({ files: { [GUNICORN]: gunicornConfig(3) } }, { made });
  const killedTwice: Check = async (d, args, options) => {
    await d.run(args, options);
    const ended = await d.run(args, options);
    expect(await updateAndCheck(d, args)).toMatchObject({ exitCode: 0, text: expect.stringMatching(RELOADING) });
    return ended;
  };
  const ended = await at(/ - place$/, 'killed-after', given, { ...update, check: killedTwice });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('--plan knows of it too', async () => {
  const given = (made: Deployment) => updatable({ files: { [GUNICORN]: gunicornConfig(3) } }, { made });
  const planned: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    const { text } = await d.run([...HOT, '--plan'], { script: UPDATE });
    expect(text).toMatch(/Reload gunicorn: .* that nobody has read yet/);
    return ended;
  };
  expect(await at(/ - place$/, 'killed-after', given, { ...update, check: planned })).toMatchObject({ exitCode: 137 });
});

/** A release without another configuration follows. */
function mend(d: Deployment): void {
  const good = release('mended');
  d.machine.engine.releases.set(good.commit, good);
  d.machine.repository?.push(good, Math.floor(d.machine.clock.now() / 1000));
}

async function recreate(d: Deployment): Promise<void> {
  await d.byHand('up -d --force-recreate --no-deps --no-build --pull never whalefall');
  d.machine.ledger.losses.length = 0; // no script's doing
}
const restartGunicorn = async (d: Deployment) =>
  appOf(d)
    .app?.programs.find((p) => p.name === 'whalefall_web')
    ?.restart();

it.each<[what: string, command: RegExp, byHand: (d: Deployment) => Promise<unknown>, next: (d: Deployment) => void]>([
  ['made another container', / - place$/, recreate, mend],
  ['made another container while workers were replaced', / workers$/, recreate, mend],
  ['restarted the container', / - place$/, async (d) => appOf(d).app?.boot(), () => undefined],
  ['restarted gunicorn', / - place$/, restartGunicorn, () => undefined],
])('nothing is owed any more when somebody %s after an update was killed', async (_what, command, byHand, next) => {
  const given = (made: Deployment) => updatable({ files: { [GUNICORN]: gunicornConfig(3) } }, { made });
  const byHandBetween: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    await byHand(d);
    await d.machine.clock.sleep(10_000);
    next(d);
    const { exitCode, text } = await updateAndCheck(d, args);
    expect(exitCode).toBe(0);
    expect(text).not.toMatch(RELOADING);
    return ended;
  };
  const ended = await at(command, 'killed-after', given, { ...update, check: byHandBetween });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('an update that was killed is unfinished also after the next one failed before it changed anything', async () => {
  const given = (made: Deployment) => updatable({}, { made });
  const failing: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    appOf(d).app?.boot(); // nothing but what it left in the container tells of it any more
    await d.machine.clock.sleep(10_000);
    const bad = release('bad', { cannotCreate: true });
    d.machine.engine.releases.set(bad.commit, bad);
    d.machine.repository?.push(bad, Math.floor(d.machine.clock.now() / 1000));
    expect(await d.run(args, { script: UPDATE })).toMatchObject({ exitCode: 1 });
    const again = await d.run([...args, '--ref', release('new').commit], { script: UPDATE });
    expect(again, again.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('Updated and proved') });
    expect(pathsBelow(appOf(d), '/app/.whalefall-staging')).toEqual([]);
    return ended;
  };
  const ended = await at(/ - place$/, 'killed-after', given, { ...update, check: failing });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it("supervisor's configuration is read after an update that was killed, although gunicorn was restarted since", async () => {
  const given = (made: Deployment) => updatable({ files: { [SUPERVISOR]: supervisorConfig('; changed\n') } }, { made });
  const restarted: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    await restartGunicorn(d);
    await d.machine.clock.sleep(10_000);
    const { text } = await d.run([...HOT, '--plan'], { script: UPDATE });
    expect(text).toMatch(/RESTART THE CONTAINER: .* that nobody has read yet/);
    return ended;
  };
  expect(await at(/ - place$/, 'killed-after', given, { ...update, check: restarted })).toMatchObject({
    exitCode: 137,
  });
});

it('what was restarted with a release is restarted once more after a kill that left the former files under it', async () => {
  const files = { [SUPERVISOR]: supervisorConfig('[program:extra]\ncommand=/bin/extra\n') };
  const given = (made: Deployment) => updatable({ crashesInPlace: true, files }, { made });
  const owed: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    mend(d);
    await d.machine.clock.sleep(10_000);
    const { exitCode, text } = await updateAndCheck(d, args);
    expect(exitCode, text).toBe(0);
    expect(text).toMatch(/RESTART THE CONTAINER: .* that nobody has read yet/);
    return ended;
  };
  const ended = await at(/ - place$/, 'killed-after', given, { ...update, check: owed });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('a harder restart that was only asked for is not owed by the next update', async () => {
  const given = (made: Deployment) => updatable({}, { made });
  const gently: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    expect(await updateAndCheck(d, [...HOT, '--restart', 'rolling'])).toMatchObject({ exitCode: 0 });
    return ended;
  };
  const asked = { args: [...HOT, '--restart', 'container'], check: gently, script: UPDATE };
  expect(await at(/ - place$/, 'killed-after', given, asked)).toMatchObject({ exitCode: 137, struck: true });
});

it('an update that was killed when it had been proved is brought to its end', async () => {
  const given = (made: Deployment) => updatable({}, { made });
  const ended = await at(/update-ref .*refs\/whalefall-ops\/releases/, 'killed', given, update);
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('nobody goes back any more to what a killed rebuild had put aside once a hot update is proved', async () => {
  const updated: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    const { containers } = d.machine.engine;
    expect(containers.some(({ name }) => name.includes('-before-'))).toBe(true);
    await d.machine.clock.sleep(10_000);
    expect(await d.run(HOT, { script: UPDATE })).toMatchObject({ exitCode: 0 });
    expect(containers.filter(({ name }) => /-(before|next)-/.test(name))).toEqual([]);
    return ended;
  };
  const given = (made: Deployment) => updatable({}, { made });
  const ended = await at(/^docker start <id>$/, 'killed-after', given, { args: KEEP, check: updated });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

/** As `runs.ts undo` does it. */
const undone: Check = async (d, args, options) => {
  const ended = await updateAndCheck(d, args, options);
  const [killed] = eachRun({ state: d.state });
  const back = killed && backOf(killed);
  expect(back?.script).toBe('update-prod-flask');
  const before = hotCheck(() => ({ release: release('old'), stamp: release('old').head }));
  expect(await before(d, [...(back?.args ?? []), ...HOT], { script: UPDATE })).toMatchObject({ exitCode: 0 });
  return ended;
};

it.each([
  ['its files were in place', / - place$/],
  ['its workers were being replaced', / workers$/],
] as const)('an update that was killed when %s is undone', async (_when, command) => {
  const given = (made: Deployment) => updatable({}, { made });
  const ended = await at(command, 'killed-after', given, { ...update, check: undone });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

const UPLOADED = { '/app/userdata/upload.txt': 'an upload', '/app/userdata/later.txt': 'uploaded since' };

/** After a rebuild was killed whose new application then serves for an hour, and is uploaded to. */
async function servesOn(d: Deployment, args: readonly string[], options: Parameters<Check>[2]): Promise<Ended> {
  const ended = await d.run(args, options);
  await d.machine.clock.sleep(3_600_000);
  const app = appOf(d);
  expect(app).toMatchObject({ name: 'prod_whalefall_prod', state: 'running' });
  app.layer['/app/userdata/later.txt'] = 'uploaded since';
  return ended;
}

it.each<[what: string, happens: (d: Deployment) => Promise<unknown>]>([
  ['was started again by the engine', async (d) => [appOf(d).app?.die(), await d.machine.clock.sleep(60_000)]],
  ['has just been started again', async (d) => [appOf(d).app?.die(), await d.machine.clock.sleep(1_000)]],
  ['was stopped', async (d) => d.machine.engine.stop(appOf(d))],
  ['came back with the machine', async (d) => [d.machine.engine.reboot(), await d.machine.clock.sleep(60_000)]],
  ['is paused', async (d) => Object.assign(appOf(d), { state: 'paused' })],
])('one that took a place before a kill, served, and %s keeps its userdata', async (_what, happens) => {
  const next: Check = async (d, args, options) => {
    const ended = await servesOn(d, args, options);
    const { id } = appOf(d);
    await happens(d);
    d.machine.release = release('broken', { exitsInPlace: true });
    expect((await d.run(args)).text).not.toContain('was started after');
    expect(d.machine.engine.find('prod_whalefall_prod')?.id).toBe(id);
    if (appOf(d).state === 'paused') appOf(d).state = 'running';
    d.machine.release = release('new');
    expect(await runAndCheck(d, args)).toMatchObject({ exitCode: 0 });
    expect(d.userdata).toEqual(UPLOADED);
    return ended;
  };
  const ended = await at(/^docker start <id>$/, 'killed-after', production, { args: KEEP, check: next });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('of one that served and dies again and again since, a copy of its userdata is kept, and told', async () => {
  const next: Check = async (d, args, options) => {
    const ended = await servesOn(d, args, options);
    Object.assign(appOf(d).image, { release: release('new', { exitsInPlace: true }) });
    appOf(d).app?.die();
    await d.machine.clock.sleep(60_000);
    d.machine.release = release('mended');
    const { exitCode, text } = await d.run(args);
    expect(exitCode).toBe(0);
    const [file = ''] = /\S+\/userdata-\S+\.tar/.exec(text) ?? [];
    expect(readFileSync(file, 'utf8')).toContain('uploaded since');
    return ended;
  };
  const ended = await at(/^docker start <id>$/, 'killed-after', production, { args: KEEP, check: next });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('one that never ran before a kill, and was started after the next run had looked, is not removed', async () => {
  const next: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    const { engine } = d.machine;
    const taken = engine.find('prod_whalefall_prod');
    d.machine.onDump = () => taken && engine.start(taken);
    const { exitCode, text } = await d.run(args);
    expect(exitCode, text).toBe(6); // somebody has put another image in its place
    expect(text).toMatch(/prod_whalefall_prod was started after this run had looked.*not removed/);
    expect(engine.find('prod_whalefall_prod')).toMatchObject({ id: taken?.id, state: 'running' });
    return ended;
  };
  const taking = /^docker rename <id> prod_whalefall_prod$/;
  const ended = await at(taking, 'killed-after', production, { args: KEEP, check: next });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('one that was being taken back at the kill is not what production is', async () => {
  const given = async (made: Deployment) => {
    await production(made);
    made.machine.release = release('broken', { exitsInPlace: true, head: NEW_REVISION });
  };
  const next: Check = async (d, args, options) => {
    const ended = await d.run(args, options);
    const names = d.machine.engine.containers.map((c) => c.name.replace(/\d{8}T\d{6}Z/, 'x'));
    expect(names).toEqual(expect.arrayContaining(['prod_whalefall_prod-before-x', 'prod_whalefall_prod-next-x']));
    expect(names).not.toContain('prod_whalefall_prod');
    d.machine.release = release('mended', { head: NEW_REVISION });
    expect(await d.run(args)).toMatchObject({ exitCode: 0 });
    return ended;
  };
  const ended = await at(/^docker exec .* psql /, 'killed', given, { args: KEEP, check: next });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

it('the former PostgreSQL is never started beside one that dies again and again since a kill', async () => {
  const beside: (string | undefined)[] = [];
  const next: Check = async (d, args, options) => {
    const former = d.container('postgres')?.id;
    const ended = await d.run(args, options);
    const taken = d.machine.engine.containers.find((c) => c.image.program === 'postgres' && c.id !== former);
    if (taken) Object.assign(taken, { state: 'restarting', server: undefined });
    const { exitCode, text } = await d.run(['create'], { script: backupProd });
    expect({ exitCode, text }).toEqual({
      exitCode: 3,
      text: expect.stringMatching(/dies? again and again|Don’t start/),
    });
    expect(text).not.toContain('docker start');
    // What the compose file says is what the former one is.
    d.editCompose((file) => delete file.services.postgres?.environment?.TZ);
    d.machine.override = (_, typed) => {
      if (typed === `docker start ${former}`) beside.push(taken?.state);
      return undefined;
    };
    expect(await d.run(args)).toMatchObject({ exitCode: 0 });
    return ended;
  };
  const changed = async (made: Deployment) => {
    await production(made);
    made.editCompose((file) => Object.assign(file.services.postgres?.environment ?? {}, { TZ: 'UTC' }));
  };
  const taking = /^docker rename <id> [^-]*postgres[^-]*$/;
  const ended = await at(taking, 'killed-after', changed, { args: KEEP, check: next });
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
  expect(beside.length).toBeGreaterThan(0);
  expect(beside).not.toContain('restarting');
});
