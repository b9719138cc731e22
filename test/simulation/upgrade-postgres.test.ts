import { expect, it, vi } from 'vitest';
import { backupProd } from '../../scripts/backup-prod.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { emptyDatabase, verifier } from './model/cluster.ts';
import { type Deployment, production } from './model/deployment.ts';
import {
  BACK,
  former,
  IMAGE,
  next,
  refused,
  serving,
  TO,
  UPGRADE,
  upgradable,
  upgradeAndCheck,
} from './model/upgradable.ts';

vi.setConfig({ testTimeout: 60_000 });

const NOTE = 'a note that must survive';
const TRIAL = ['--to', IMAGE, '--trial'];

it('brings everything to the next major version, and leaves the former cluster as it was', async () => {
  const d = await upgradable();
  const app = d.container('whalefall')?.id;
  const ended = await upgradeAndCheck(d, TO);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(serving(d)).toBe(next(d));
  expect(next(d)?.databases.whalefall_prod?.tables).toEqual(former(d)?.databases.whalefall_prod?.tables);
  expect(d.container('whalefall')?.id).toBe(app);
  expect(d.machine.engine.containers.filter((c) => /before|next|upgrade|trial/.test(c.name))).toEqual([]);
  const again = await upgradeAndCheck(d, TO);
  expect(again.text).toContain('PostgreSQL 17 is what runs.');
});

it('is not proved by an application that has just died', async () => {
  const d = await upgradable();
  const app = d.container('whalefall');
  let is: 'before' | 'started' | 'dead' = 'before';
  d.machine.override = (_call, typed) => {
    if (app && is === 'started' && typed.startsWith('docker ps -a')) {
      is = 'dead';
      d.machine.engine.stop(app, 1);
    }
    if (is === 'before' && typed === `docker start ${app?.id}`) is = 'started';
    return undefined;
  };
  const ended = await upgradeAndCheck(d, TO);
  expect(ended, ended.text).toMatchObject({ exitCode: 1, text: expect.stringContaining('is exited; exit code 1') });
  expect(serving(d)).toBe(former(d));
});

it('only tries, before the compose file says anything about it, and says what that has to say', async () => {
  const d = await production();
  d.machine.engine.addImage('postgres', IMAGE, { env: { PG_MAJOR: '17' } });
  const running = d.container('postgres')?.id;
  const ended = await d.run(TRIAL, { script: UPGRADE });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/whalefall_postgres_data_17:\/var\/lib\/postgresql\/data/);
  expect(ended.text).toMatch(/nothing will be served for +about/);
  expect(d.container('postgres')).toMatchObject({ id: running, state: 'running' });
  expect(next(d)).toBeUndefined();
  await refused(d, TO, /names another image for PostgreSQL/, /whalefall_postgres_data_17:/);
  d.editCompose((file) => Object.assign(file.services.postgres ?? {}, { image: IMAGE }));
  await refused(d, TO, /no volume of its own/);
});

it('finds in the trial what the new version does not have', async () => {
  const d = await upgradable();
  const server = d.container('postgres')?.server;
  if (server)
    Object.assign(server, { extensions: ['plpgsql', 'pg_trgm'], told: [{ name: 'old_setting', value: '1' }] });
  Object.assign(d.machine.engine.image(IMAGE), { lacks: ['pg_trgm', 'old_setting'] });
  await refused(
    d,
    TO,
    /does not have what the database uses: pg_trgm, old_setting/,
    /DROP EXTENSION/,
    /ALTER SYSTEM RESET old_setting/,
  );
  expect(d.container('whalefall')?.state).toBe('running');
});

it('is refused where something would be lost, or somebody could write meanwhile', async () => {
  const d = await upgradable();
  const server = d.container('postgres')?.server;
  if (!server) throw new Error('there is no server');
  await refused(d, ['--to', 'postgres:15-alpine', '--yes'], /not a newer major version/);
  await refused(d, ['--to', 'postgres:19', '--yes'], /docker pull postgres:19/);
  server.cluster.databases.other = { ...emptyDatabase('whalefall_user'), tables: { things: ['of another'] } };
  await refused(d, TO, /other databases that hold something \(other\)/);
  delete server.cluster.databases.other;
  server.visitors = [{ address: '10.0.0.9', who: 'reporter nightly 10.0.0.9' }];
  await refused(d, TO, /Other clients than the application are connected[\s\S]*reporter nightly/);
  delete server.visitors;
  server.replication = { slots: ['warehouse'] };
  await refused(d, TO, /slots warehouse/);
  delete server.replication;
  server.cluster.roles.whalefall_user = verifier('another than in .env');
  const ended = await d.run(TO, { script: UPGRADE });
  expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [] });
  expect(ended.text).toMatch(/does not take the POSTGRES_PASSWORD of \.env/);
});

it('notices what is written while it is read for the last time, and goes back', async () => {
  const d = await upgradable();
  let dumps = 0;
  d.machine.onDump = () => {
    dumps += 1;
    if (dumps === 2) d.database?.tables.notes?.push('written by a stranger');
  };
  const ended = await upgradeAndCheck(d, TO);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toContain('Somebody wrote to the database');
  expect(serving(d)?.major).toBe('15');
});

it('goes back with what was there, keeps what was written since, and goes on again', async () => {
  const d = await upgradable();
  await upgradeAndCheck(d, TO);
  next(d)?.databases.whalefall_prod?.tables.notes?.push('written on 17');
  expect((await d.run(['--back', '--yes'], { script: UPGRADE })).exitCode).toBe(4);
  const back = await d.run(BACK, { script: UPGRADE });
  expect(back.exitCode, back.text).toBe(0);
  expect(serving(d)).toBe(former(d));
  expect(next(d)?.databases.whalefall_prod?.tables.notes).toContain('written on 17');
  // The compose file still asks for 17: nothing of ours starts an empty one.
  expect((await d.run(['--yes', '--data', 'keep'], { script: deployProdAll })).exitCode).toBe(3);
  const again = await upgradeAndCheck(d, TO);
  expect(again.exitCode, again.text).toBe(0);
  const kept = Object.entries(next(d)?.databases ?? {}).find(([name]) => name.includes('_before_'));
  expect(kept?.[1].tables.notes).toContain('written on 17');
});

it('brings nothing back, into a volume that was in use before, of what roles lost meanwhile', async () => {
  const d = await upgradable();
  const roles = former(d)?.roles ?? {};
  Object.assign(roles, {
    reporter: verifier('leaked'),
    dropped: verifier('of somebody who left'),
    muted: verifier('old'),
  });
  await upgradeAndCheck(d, TO);
  expect(next(d)?.roles).toEqual(roles);
  expect((await d.run(BACK, { script: UPGRADE })).exitCode).toBe(0);
  Object.assign(roles, { reporter: verifier('changed'), muted: '' });
  delete roles.dropped;
  const again = await upgradeAndCheck(d, TO);
  expect(again.exitCode, again.text).toBe(0);
  expect(next(d)?.roles).toEqual({ ...roles, dropped: '' });
  expect(again.text).toMatch(/roles that do not exist any more: dropped\./);
});

it.each(['forth', 'back'])(
  'a server that was in use before gets the password that was changed since, %s',
  async (way) => {
    const d = await upgradable();
    await upgradeAndCheck(d, TO);
    if (way === 'forth') expect((await d.run(BACK, { script: UPGRADE })).exitCode).toBe(0);
    const aside = way === 'forth' ? next(d) : former(d);
    if (aside) aside.roles.whalefall_user = verifier('of then');
    const ended = await d.run(way === 'forth' ? TO : BACK, { script: UPGRADE });
    expect(ended.exitCode, ended.text).toBe(0);
    expect(serving(d)).toBe(aside);
  },
);

it('lets in whom the former server let in, and nobody else', async () => {
  const d = await upgradable();
  const cluster = former(d);
  if (!cluster) throw new Error('there is no cluster');
  const [socket, remote] = ['local all all trust', 'host all all 172.18.0.0/16 md5\nhost all all all reject\n'];
  cluster.hba = `${socket}\nhost all all 10.0.0.0/8 trust\n${remote}`;
  const ended = await upgradeAndCheck(d, TO);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(next(d)?.hba).toBe(`${socket}\nhost all all 10.0.0.0/8 scram-sha-256\n${remote}`);
});

it('finds in the trial that the new server reads pg_hba.conf otherwise', async () => {
  const d = await upgradable();
  Object.assign(d.machine.engine.image(IMAGE), { lacks: ['md5'] });
  const cluster = former(d);
  if (cluster) cluster.hba = cluster.hba.replace('all all scram-sha-256', 'all all md5');
  await refused(d, TO, /does not read pg_hba\.conf as the present one does[\s\S]*host all all all md5/);
});

it('is what a rebuild goes on with, which does not take the former cluster for a lost one', async () => {
  const d = await upgradable();
  await upgradeAndCheck(d, TO);
  const ended = await d.run(['--yes', '--data', 'keep'], { script: deployProdAll });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(serving(d)).toBe(next(d));
  expect(next(d)?.databases.whalefall_prod?.tables.notes?.some((n) => n.startsWith(NOTE))).toBe(true);
});

it('deletes the former cluster with a consent and a newer backup of the new one, and not without', async () => {
  const d = await upgradable();
  const drop = (...args: string[]) => d.run(['--drop', ...args], { script: UPGRADE });
  expect((await drop('--yes')).exitCode).toBe(3);
  await upgradeAndCheck(d, TO);
  const confirmed = ['--confirm', 'DROP prod_whalefall_postgres_data'];
  const early = await drop(...confirmed);
  expect(early, early.text).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('no backup that was restored'),
  });
  await d.machine.clock.sleep(5_000);
  expect((await d.run(['create'], { script: backupProd })).exitCode).toBe(0);
  expect((await drop('--yes')).exitCode).toBe(4);
  expect(former(d)).toBeDefined();
  const volume = d.machine.engine.volumes.get('prod_whalefall_postgres_data');
  if (volume) volume.options = { type: 'nfs', o: 'addr=10.0.0.5,rw', device: ':/exports/database' };
  const stays = await drop(...confirmed);
  expect(stays, stays.text).toMatchObject({ exitCode: 3, text: expect.stringContaining('nothing would be deleted') });
  if (volume) volume.options = undefined;
  const ended = await drop(...confirmed);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(former(d)).toBeUndefined();
  expect((await drop(...confirmed)).exitCode).toBe(3);
});

it('asks for one thing at a time', async () => {
  const d = await upgradable();
  for (const args of [[], ['--back', '--drop'], ['--trial', '--back'], ['--to', '--rm']])
    expect((await d.run(args, { script: UPGRADE })).exitCode).toBe(2);
});

/** A run that is killed at the last change like this. */
async function killedAt(
  command: RegExp,
  args: readonly string[],
  given: () => Promise<Deployment>,
): Promise<Deployment> {
  const { points } = await (await given()).run(args, { script: UPGRADE });
  const point = points.findLast((p) => p.isChange && command.test(p.label));
  if (point === undefined) throw new Error(`no command is like ${command}`);
  const d = await given();
  const fault = { ...point, how: 'killed-after' } as const;
  expect(await d.run(args, { script: UPGRADE, fault })).toMatchObject({ struck: true, exitCode: 137 });
  return d;
}

it.each([
  ['the volume was deleted', /^docker volume rm /],
  ['the image was', /^docker image rm /],
] as const)('a deletion that was killed when %s is finished with success', async (_when, command) => {
  const confirm = ['--confirm', 'DROP prod_whalefall_postgres_data'];
  const d = await killedAt(command, ['--drop', ...confirm], async () => {
    const made = await upgradable();
    await upgradeAndCheck(made, TO);
    await made.machine.clock.sleep(5_000);
    expect((await made.run(['create'], { script: backupProd })).exitCode).toBe(0);
    return made;
  });
  expect(await d.run(['--drop', '--plan'], { script: UPGRADE })).toMatchObject({ exitCode: 0, changes: [] });
  const again = await d.run(['--drop', '--yes'], { script: UPGRADE });
  expect(again.exitCode, again.text).toBe(0);
  expect((await d.run(['--drop', '--yes'], { script: UPGRADE })).exitCode).toBe(3);
});

it('a way back that was killed when it had been proved is finished with success', async () => {
  const d = await killedAt(/^docker rm -f -v <id>$/, BACK, async () => {
    const made = await upgradable();
    await upgradeAndCheck(made, TO);
    return made;
  });
  const again = await d.run(['--back', '--yes'], { script: UPGRADE });
  expect(again.exitCode, again.text).toBe(0);
  expect(again.text).toContain('PostgreSQL 15 is what runs.');
  expect(serving(d)).toBe(former(d));
  expect((await d.run(['--back', '--yes'], { script: UPGRADE })).exitCode).toBe(3);
});
