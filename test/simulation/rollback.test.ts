import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { eachRun } from '../../lib/domain/ledger/runs.ts';
import { finishOf } from '../../lib/runs/interrupted/ways.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { exists, write } from './model/app-files.ts';
import { type Deployment, deployment } from './model/deployment.ts';
import { images } from './model/invariants.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { backByImage, rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { GUNICORN, gunicornConfig } from './model/release-files.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const SOAK = ['--yes', '--soak', '2s'];
const rollback = (d: Deployment, ...args: string[]) => d.run(args, { script: rollbackProd });
const contents = (d: Deployment) => new Set(appOf(d).app?.web?.workers.map((w) => w.content));

/** A newer release with a migration runs, hot on the image of the former. */
async function updated(): Promise<Deployment> {
  const d = await updatable({ head: NEW_REVISION });
  await updateAndCheck(d, SOAK);
  return d;
}

it('goes back to what ran before, on the newer schema, and migrates nothing', async () => {
  const d = await updated();
  const [was] = contents(d);
  const before = appOf(d).id;
  const ended = await rollback(d, 'previous', ...SOAK);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('Gone back and proved') });
  expect(ended.changes.filter((c) => /pg_dump| upgrade/.test(c))).toEqual([]);
  expect(d.database?.stamp).toBe(NEW_REVISION);
  expect(appOf(d)).toMatchObject({ id: before, app: { visitor: { interruptions: 0 } } });
  expect(contents(d).has(was ?? '')).toBe(false);
  expect(d.unexpected).toEqual([]);

  // And forth again: what was left is the one before now.
  expect(await rollback(d, 'previous', ...SOAK)).toMatchObject({ exitCode: 0 });
  expect(contents(d)).toEqual(new Set([was]));
});

it('says how the image comes to what was gone back to, which is so', async () => {
  const d = await updated();
  const ended = await rollback(d, 'previous', ...SOAK);
  expect(ended.text).not.toMatch(/newer than its image/);
  const [, ref = ''] = /update-prod-flask\.ts --ref (\w+) --bake/.exec(ended.text) ?? [];
  const baked = await d.run([...SOAK, '--ref', ref, '--bake'], { script: UPDATE });
  expect(baked.exitCode, baked.text).toBe(0);
  expect(d.machine.engine.image('whalefall:prod').release?.commit).toBe(ref);
  expect(contents(d)).toEqual(new Set([ref]));
});

it('restarts no container that nobody was asked about, and says how else to go back', async () => {
  const preloads = gunicornConfig(2).replace('preload_app = False', 'preload_app = True');
  const d = await updatable({}, { former: { files: { [GUNICORN]: preloads } } });
  expect(await updateAndCheck(d, [...SOAK, '--restart', 'container'])).toMatchObject({ exitCode: 0 });
  const ended = await rollback(d, 'previous', ...SOAK);
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.text).toMatch(/gunicorn preloads the application[\s\S]*--way image/);
  expect(ended.changes.filter((c) => c.startsWith('docker restart'))).toEqual([]);
});

it('tidies up what a way back left in the container when it is asked for the same again', async () => {
  const d = await updated();
  expect(await rollback(d, 'previous', ...SOAK)).toMatchObject({ exitCode: 0 });
  const [now] = contents(d);
  const left = '/app/.whalefall-staging/20260102T040000Z-rollback-prod/';
  write(appOf(d), left, '', 'directory');
  expect(await rollback(d, String(now), ...SOAK)).toMatchObject({ exitCode: 0 });
  expect(exists(appOf(d), left)).toBe(false);
  expect(contents(d)).toEqual(new Set([now]));
  expect(await rollback(d, String(now), ...SOAK)).toMatchObject({ exitCode: 3, changes: [] });
});

it('lists without a lock, a journal or a trace', async () => {
  const d = await updatable();
  expect(await rollback(d)).toMatchObject({ exitCode: 0, changes: [] });
  expect(existsSync(d.state)).toBe(false);
  await updateAndCheck(d, SOAK);
  const listed = await rollback(d);
  expect(listed).toMatchObject({ exitCode: 0, changes: [], text: expect.stringContaining('RUNS NOW') });
  expect(listed.text).toMatch(/found here[\s\S]*back: hot, no request lost/);
});

it('changes nothing when it is only planned, cancelled, or meant for what nobody released', async () => {
  const d = await updated();
  const before = contents(d);
  for (const [args, exitCode] of [
    [['previous', '--plan'], 0],
    [['previous'], 4],
    [['deadbeef', '--yes'], 3],
    [['previous', '--way', 'image', '--yes'], 3],
    [['previous', '--data', 'latest', '--yes'], 3],
  ] as const) {
    expect(await rollback(d, ...args), args.join(' ')).toMatchObject({ exitCode, changes: [] });
    expect(contents(d)).toEqual(before);
  }
  expect(await d.run(['--yes'], { script: UPDATE })).toMatchObject({ exitCode: 0 });
});

it('goes back by the kept image, with rows and userdata', async () => {
  const d = deployment();
  await rebuilt(d);
  const before = appOf(d).id;
  const ended = await backByImage(d, ['previous', '--way', 'image', '--yes'], {});
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('Gone back and proved') });
  expect(appOf(d).id).not.toBe(before);
  expect(ended.changes.filter((c) => /pg_dump| upgrade/.test(c))).toEqual([]);
});

it('brings nothing back by the image of a hot-updated container that people have deleted since', async () => {
  const d = await updated();
  const hot = contents(d);
  const { layer } = appOf(d);
  layer['/app/userdata/deleted.csv'] = 'whoever deletes it wants it gone';
  const next = release('next', { head: NEW_REVISION });
  d.machine.engine.releases.set(next.commit, next);
  d.machine.repository?.push(next, 1);
  d.machine.repository?.checkOut(next.commit);
  d.machine.release = next;
  const deployed = await d.run(['--yes', '--data', 'keep']);
  expect(deployed.exitCode, deployed.text).toBe(0);
  expect(deployed.text).toMatch(/was hot-updated: its files differ from its image/);
  expect(images(d)).toEqual([]);

  const now = appOf(d).layer;
  delete now['/app/userdata/deleted.csv'];
  now['/app/userdata/new.csv'] = 'uploaded since';
  const ended = await rollback(d, 'previous', '--way', 'image', '--yes');
  expect(ended.exitCode, ended.text).toBe(0);
  expect(contents(d)).toEqual(hot);
  expect(Object.keys(d.userdata).sort()).toEqual(
    ['new.csv', 'report.csv', 'upload.txt'].map((name) => `/app/userdata/${name}`),
  );
  expect(d.machine.engine.containers.filter((c) => c.labels?.['whalefall-ops.state'])).toEqual([]);
  expect(d.machine.engine.images.flatMap(({ tags }) => [...tags]).filter((t) => t.includes('copy'))).toEqual([]);
});

it('shows in its plan what of the cluster’s roles is not as the backup has it', async () => {
  const d = deployment();
  await rebuilt(d);
  const roles = d.cluster?.roles ?? {};
  roles.reporter = 'SCRAM-SHA-256$of-a-reporter';
  expect(await d.run(['create'], { script: backupProd })).toMatchObject({ exitCode: 0 });
  delete roles.reporter;
  const planned = await rollback(d, 'previous', '--way', 'image', '--data', 'latest', '--plan');
  expect(planned.exitCode, planned.text).toBe(0);
  expect(planned.text).toMatch(/role +reporter \(SUPERUSER, LOGIN\): gone since, (is created without|stays away)/);
});

it('plans a way back by image with what a rebuild would say of .env and of mounts', async () => {
  const d = deployment();
  await rebuilt(d);
  const over = { type: 'volume', source: 'code', target: '/app/app/models' };
  d.editCompose((file) => {
    file.services.whalefall?.volumes?.push(over);
    file.volumes = { ...file.volumes, code: {} };
  });
  // Nothing says how that release's container was made: it would be made as the compose file says now.
  for (const file of d.files(path.join(d.state, 'containers')).filter((f) => f.endsWith('.json'))) rmSync(file);
  const env = path.join(d.dir, '.env');
  d.writeEnv(readFileSync(env, 'utf8').replace(/^LOG_LEVEL=.*$/m, 'LOG_LEVEL=DEBUG'));
  const { exitCode, text } = await rollback(d, 'previous', '--way', 'image', '--plan');
  expect(exitCode, text).toBe(0);
  expect(text).toMatch(/\.env was changed since the release that serves was started: LOG_LEVEL\./);
  expect(text).toMatch(/\/app\/app\/models is mounted \(prod_code\), and hides \d+ files of the release/);
});

it('refuses a way back by image for which there is no room, also where it is known how its container was made', async () => {
  const d = deployment();
  await rebuilt(d);
  const { override } = d.machine;
  d.machine.override = (call, typed) =>
    typed.includes(' du -skx ') ? { stdout: '999999999999\t/app/userdata\n' } : override(call, typed);
  const ended = await rollback(d, 'previous', '--way', 'image', '--yes');
  expect(ended).toMatchObject({ exitCode: 3, changes: [], text: expect.stringContaining('of disk are free') });
});

it('leaves what only the compose file asks for at a warning where it is known how the container was made', async () => {
  const d = deployment();
  await rebuilt(d);
  d.editCompose((file) => {
    file.services.whalefall?.volumes?.push({ type: 'bind', source: '/srv/not-there', target: '/etc/more' });
  });
  const ended = await rollback(d, 'previous', '--way', 'image', '--plan');
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('/srv/not-there does not exist');
});

it('leaves userdata where it is by now, although that release had it elsewhere', async () => {
  const d = deployment();
  await rebuilt(d);
  const release = d.machine.release;
  d.editCompose((file) => {
    file.services.whalefall?.volumes?.push({ type: 'volume', source: 'userdata', target: '/app/userdata' });
    file.volumes = { ...file.volumes, userdata: {} };
  });
  d.machine.release = d.machine.engine.releases.get(d.machine.repository?.head ?? '') ?? release;
  expect(await d.run(['--yes', '--data', 'keep'])).toMatchObject({ exitCode: 0 });
  expect(appOf(d).mounts).toMatchObject({ '/app/userdata': 'prod_userdata' });
  d.machine.release = release;
  const ended = await rollback(d, 'previous', '--way', 'image', '--yes');
  expect(ended.exitCode, ended.text).toBe(0);
  expect(appOf(d).mounts).toMatchObject({ '/app/userdata': 'prod_userdata' });
});

it('refuses a way back by image to a container whose mount or address is gone', async () => {
  const d = deployment();
  await rebuilt(d);
  for (const file of d.files(path.join(d.state, 'containers')).filter((f) => f.endsWith('.json'))) {
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    kept.Mounts.push({ Type: 'bind', Source: '/srv/not-there', Destination: '/etc/more', RW: true });
    kept.HostConfig.PortBindings = { '80/tcp': [{ HostIp: '10.99.99.99', HostPort: '28080' }] };
    writeFileSync(file, JSON.stringify(kept));
  }
  const ended = await rollback(d, 'previous', '--way', 'image', '--yes');
  expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [] });
  expect(ended.text).toMatch(/10\.99\.99\.99:28080 is to be published/);
  expect(ended.text).toMatch(/\/srv\/not-there does not exist[\s\S]*That release’s container had it/);
});

/** What finishing the last rollback would be given. */
function finished(d: Deployment): readonly string[] {
  const [run] = eachRun(d, (_, script) => script === 'rollback-prod');
  return run ? finishOf(run).args : [];
}

it('is finished with the very release and backup that it was begun with', async () => {
  const d = deployment();
  await rebuilt(d);
  const target = d.machine.release.commit;
  expect(await d.run(['create'], { script: backupProd })).toMatchObject({ exitCode: 0 });
  const [backup = ''] = readdirSync(path.join(d.state, 'backups')).toReversed();
  const confirm = ['--confirm', 'RESTORE whalefall_prod'];
  const ended = await rollback(d, 'previous', '--way', 'image', '--data', 'latest', ...confirm);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(finished(d)).toEqual(['--way=image', target, `--data=${path.join(d.state, 'backups', backup)}`]);
});

it('is finished with the very release that it was begun with, into the running container', async () => {
  const d = await updated();
  const [was] = contents(d);
  expect(await rollback(d, 'previous', ...SOAK)).toMatchObject({ exitCode: 0 });
  const [soak, commit, ...more] = finished(d);
  expect([soak, more]).toEqual(['--soak=2s', []]);
  expect(commit).toMatch(/^[0-9a-f]{40}$/);
  expect(contents(d).has(was ?? '')).toBe(false);
});

it('knows the hot ways also from a release that the ledger does not have', async () => {
  const d = await updated();
  const file = path.join(d.state, 'releases');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\n]+\n$/, ''));
  const planned = await rollback(d, 'previous', '--way', 'hot', '--plan');
  expect(planned.exitCode, planned.text).toBe(0);
});

it('brings data back once, also when it was killed after the swap, and says what the first data is called', async () => {
  const args = ['previous', '--way', 'image', '--data', 'latest', '--confirm', 'RESTORE whalefall_prod'];
  const given = async () => {
    const d = deployment();
    await rebuilt(d);
    expect(await d.run(['create'], { script: backupProd })).toMatchObject({ exitCode: 0 });
    return d;
  };
  const { points } = await rollback(await given(), ...args);
  const swap = points.findLast((p) => p.isChange && p.label.includes(' psql '));
  if (swap === undefined) throw new Error('nothing is swapped');
  const d = await given();
  const fault = { ...swap, how: 'killed-after' } as const;
  expect(await d.run(args, { script: rollbackProd, fault })).toMatchObject({ struck: true, exitCode: 137 });
  const kept = () => Object.keys(d.cluster?.databases ?? {}).filter((name) => name.includes('_before_'));
  const [before = ''] = kept();
  const again = await rollback(d, ...finished(d), '--yes');
  expect(again.exitCode, again.text).toBe(0);
  expect(kept()).toEqual([before]);
  expect(again.changes.filter((c) => /pg_restore/.test(c))).toEqual([]);
  expect(again.text).toContain(`restore-prod.ts --back ${before}`);
});
