import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { runsScript } from '../../scripts/runs.ts';
import { type Deployment, deployment, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 30_000 });

const DELETE = ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'];
const KEEP = ['--yes', '--data', 'keep'];

/** Commands that change something, each as a word or two. Those that happen at the same time are in no order of their own. */
function told(changes: readonly string[], names: ReadonlyMap<string, string>): string[] {
  return changes.map((typed) => {
    const words = typed
      .replace(/^docker compose (?:-p prod )?-f \S+ (?:-f \S+build\.json )?--project-directory \S+/, 'compose')
      .replace(/[0-9a-f]{64}/g, (id) => names.get(id) ?? '<new>')
      .replace(/\d{8}T\d{6}Z/g, '<run>')
      .replace(/^curl .*create\?name=([\w-]+).*/, 'create $1')
      .replace(/docker cp \S+\/trial \S+/, 'docker cp a trial')
      .replace(/\S+\.whalefall-release\.json (\S+):.*/, 'marker $1')
      .replace(/(compose run) .*start_trial\.py:\S+ -v \S+trial\.json:\S+/, '$1 trial');
    const program = / (flask|admin|pg_restore|psql) /.exec(words)?.[1];
    if (/^docker exec/.test(words)) return `${program} in ${/<new>|postgres/.exec(words)?.[0]}`;
    return words
      .replace(/ --(name|entrypoint|label) \S+/g, '')
      .replace(
        / (-d|-v|-f|-t \d+|-T|--rm|--no-start|--force-recreate|--no-deps|--no-build|--pull never|--internal)(?= )/g,
        '',
      )
      .replace(/^docker run .*--network (none|container|\S*prepare).*/, 'run helper on $1 network')
      .replace(/^docker rm \S*(throwaway|one-off|prepare|client|trial)\S*/, 'docker rm $1')
      .replace(/prod-prepare-<run>/g, 'prepare');
  });
}

const names = (d: Deployment) =>
  new Map(['postgres', 'redis', 'whalefall'].map((key): [string, string] => [d.container(key)?.id ?? '', key]));

it('installs on an empty machine', async () => {
  const d = deployment();
  const ended = await runAndCheck(d, ['--yes']);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('Deployed and proved') });
  expect(d.database).toMatchObject({ tables: { users: ['admin'], notes: [] } });
  expect(d.database?.tables.permission_configs).toHaveLength(1);
  expect(statSync(path.join(d.dir, '.env')).mode & 0o777).toBe(0o600);
  expect(statSync(path.join(d.state, 'admin-password')).mode & 0o777).toBe(0o600);
  expect(told(ended.changes, new Map())).toMatchInlineSnapshot(`
    [
      "compose build whalefall",
      "compose run whalefall 86400",
      "docker cp a trial",
      "compose up postgres-template",
      "docker rm prod-postgres-template-1",
      "create prod_postgres_prod",
      "docker start <new>",
      "compose up redis-template",
      "docker rm prod-redis-template-1",
      "create prod_redis_prod",
      "docker start <new>",
      "flask in <new>",
      "psql in <new>",
      "admin in <new>",
      "compose up whalefall-template",
      "docker rm prod-whalefall-template-1",
      "create prod_whalefall_prod",
      "docker start <new>",
      "docker cp marker <new>",
      "run helper on container network",
      "docker rm client",
      "docker rm one-off",
    ]
  `);
});

it('installs again after a run that failed, and goes on from there', async () => {
  const d = deployment();
  d.machine.release = release('broken', { neverHealthy: true });
  expect(await runAndCheck(d, ['--yes'])).toMatchObject({ exitCode: 1 });
  d.machine.release = release('good');
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
});

it('keeps rows, userdata and the stores', async () => {
  const d = await production();
  const before = names(d);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode).toBe(0);
  expect(d.database?.tables.notes).toContain('a note that must survive');
  expect(d.userdata).toEqual({ '/app/userdata/upload.txt': 'an upload' });
  expect([d.container('postgres')?.id, d.container('redis')?.id].map((id) => before.get(id ?? ''))).toEqual([
    'postgres',
    'redis',
  ]);
  expect(told(ended.changes, before)).toMatchInlineSnapshot(`
    [
      "docker tag sha256:<new> whalefall:before-<run>",
      "compose build whalefall",
      "compose run whalefall 86400",
      "docker cp a trial",
      "compose run trial whalefall",
      "docker rm trial",
      "run helper on none network",
      "psql in <new>",
      "pg_restore in <new>",
      "docker rm <new>",
      "compose up whalefall-template",
      "docker rm prod-whalefall-template-1",
      "create prod_whalefall_prod-next-",
      "docker stop whalefall",
      "docker cp - <new>:/app",
      "docker rename whalefall prod_whalefall_prod-before-<run>",
      "docker rename <new> prod_whalefall_prod",
      "docker start <new>",
      "docker cp marker <new>",
      "run helper on container network",
      "docker rm client",
      "docker rm one-off",
      "docker rm whalefall",
    ]
  `);
});

it('keeps rows when a migration is pending', async () => {
  const d = await production();
  d.machine.release = release('new', { head: NEW_REVISION });
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  expect(d.database?.stamp).toBe(NEW_REVISION);
  expect(d.database?.tables.notes).toContain(`a note that must survive | migrated to ${NEW_REVISION}`);
});

it('replaces the container also when the image is the same as before', async () => {
  const d = await production();
  d.machine.release = release('old');
  const [before] = names(d).keys();
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  expect(d.container('whalefall')?.id).not.toBe(before);
});

it('deletes with consent, after a backup that was restored and compared', async () => {
  const d = await production();
  const before = names(d);
  const ended = await runAndCheck(d, DELETE);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('restored and compared') });
  expect(d.database?.tables).toMatchObject({ users: ['admin'], notes: [] });
  expect(d.userdata).toEqual({});
  expect(d.machine.ledger.losses.map((l) => l.kind).sort()).toEqual(['userdata', 'volume', 'volume']);
  const did = told(ended.changes, before);
  // Beside one another: the stores stop while the last backup is tried.
  const [from, to] = [did.indexOf('docker stop whalefall') + 1, did.indexOf('docker rm postgres')];
  expect([...did.slice(0, from), ...did.slice(from, to).sort(), ...did.slice(to)]).toMatchInlineSnapshot(`
    [
      "docker tag sha256:<new> whalefall:before-<run>",
      "compose build whalefall",
      "compose run whalefall 86400",
      "docker cp a trial",
      "compose run trial whalefall",
      "docker rm trial",
      "run helper on none network",
      "psql in <new>",
      "pg_restore in <new>",
      "docker rm <new>",
      "run helper on none network",
      "docker network create prepare",
      "run helper on prod-prepare network",
      "run helper on prod-prepare network",
      "flask in <new>",
      "psql in <new>",
      "admin in <new>",
      "docker stop <new>",
      "docker rm prepare",
      "docker rm prepare",
      "docker network rm prepare",
      "compose up whalefall-template",
      "docker rm prod-whalefall-template-1",
      "create prod_whalefall_prod-next-",
      "docker stop whalefall",
      "docker stop postgres",
      "docker stop redis",
      "pg_restore in <new>",
      "psql in <new>",
      "docker rm postgres",
      "docker rm redis",
      "docker volume rm prod_whalefall_postgres_data",
      "docker volume rm prod_whalefall_redis_data",
      "compose up postgres-template",
      "docker rm prod-postgres-template-1",
      "create prod_postgres_prod",
      "docker cp - <new>:/var/lib/postgresql",
      "docker start <new>",
      "compose up redis-template",
      "docker rm prod-redis-template-1",
      "create prod_redis_prod",
      "docker start <new>",
      "docker rename whalefall prod_whalefall_prod-before-<run>",
      "docker rename <new> prod_whalefall_prod",
      "docker start <new>",
      "docker cp marker <new>",
      "run helper on container network",
      "docker rm client",
      "docker rm <new>",
      "docker rm one-off",
      "docker rm whalefall",
    ]
  `);
});

it('deletes what Redis has also where no database is, and saves it before', async () => {
  const d = await production();
  const { engine } = d.machine;
  for (const key of ['postgres', 'whalefall']) {
    const container = d.container(key);
    if (container) engine.containers.splice(engine.containers.indexOf(container), 1);
  }
  engine.volumes.delete('prod_whalefall_postgres_data');
  const ended = await runAndCheck(d, DELETE);
  expect(ended, ended.text).toMatchObject({ exitCode: 0 });
  expect(d.volume('redis')?.files['appendonly.aof']).toBe('no keys');
});

it('changes nothing when it is only planned, or cancelled', async () => {
  const d = await production();
  const before = names(d);
  for (const [args, exitCode] of [
    [['--plan', '--data', 'delete'], 0],
    [['--data', 'keep'], 4],
    [['--data', 'delete', '--yes', '--confirm', 'no'], 4],
  ] as const) {
    const ended = await runAndCheck(d, args);
    expect(ended.exitCode).toBe(exitCode);
    expect(ended.changes).toEqual([]);
    expect(names(d)).toEqual(before);
  }
});

it('runs again and again', async () => {
  const d = await production();
  for (const args of [KEEP, DELETE, KEEP, DELETE]) expect(await runAndCheck(d, args)).toMatchObject({ exitCode: 0 });
});

it('clears away the helpers of a run that was killed, and no other directory’s', async () => {
  const d = deployment();
  const { engine } = d.machine;
  const image = engine.image('postgres:15-alpine');
  const labels = (state: string) => ({ 'whalefall-ops.state': state, 'whalefall-ops.run': 'a killed run' });
  for (const [owner, state] of Object.entries({ ours: d.state, theirs: '/srv/other/.whalefall-ops' })) {
    engine.networks.set(`${owner}-prepare`, labels(state));
    const networks = { [`${owner}-prepare`]: [] };
    engine.start(engine.create({ name: owner, image, env: {}, labels: labels(state), command: ['sleep'], networks }));
  }
  expect(await runAndCheck(d, ['--yes'])).toMatchObject({ exitCode: 0 });
  expect(engine.containers.map((c) => c.name).filter((n) => /ours|theirs/.test(n))).toEqual(['theirs']);
  expect([...engine.networks.keys()].filter((n) => /ours|theirs/.test(n))).toEqual(['theirs-prepare']);
});

it('makes every helper known by its labels', async () => {
  const d = await production();
  const { calls } = await runAndCheck(d, DELETE);
  const made = calls.filter(({ argv }) => / (run|create) /.test(argv.slice(0, 9).join(' ')) && !argv.includes('image'));
  expect(made.length).toBeGreaterThanOrEqual(7);
  for (const { argv } of made) expect(argv.join(' ')).toContain(`--label whalefall-ops.state=${d.state}`);
});

it('does not fail a proved deployment for a helper that can not be removed', async () => {
  const d = await production();
  d.machine.override = (_call, typed) =>
    /docker rm .*(-client-|-one-off-)/.test(typed) ? { exitCode: 1, stderr: 'device busy\n' } : undefined;
  const ended = await runAndCheck(d, KEEP);
  expect(ended).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/device busy[\s\S]*docker rm -f -v prod-one-off-/),
  });
});

it('leaves no helper behind', async () => {
  const d = await production();
  for (const args of [KEEP, DELETE]) {
    await runAndCheck(d, args);
    expect(d.machine.engine.containers).toHaveLength(3);
    expect([...d.machine.engine.networks.keys()]).toEqual(['bridge', 'none', 'prod_whalefall_prod_network']);
  }
});

it('builds from the commit alone, and names the image that has more inside', async () => {
  const d = await production();
  expect((await runAndCheck(d, KEEP)).exitCode).toBe(0); // from here on there is a state directory
  writeFileSync(path.join(d.dir, 'lies-about.txt'), 'of this server');
  Object.assign(d.container('whalefall')?.image ?? {}, { files: new Set(['.whalefall-ops']), legacy: true });
  d.machine.release = release('next');
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  const { files, release: built } = d.machine.engine.image('whalefall:prod');
  expect(built?.commit).toBe(d.machine.release.commit);
  expect(files).toContain('wsgi.py');
  for (const absent of ['.whalefall-ops', '.git', '.env', 'lies-about.txt']) expect(files).not.toContain(absent);
  expect(ended.text).toContain('The image that runs contains .whalefall-ops');
  expect(ended.text).toMatch(/docker image rm whalefall:before-\d+T\d+/);
  // As long as it is kept, also when others have come since.
  d.machine.release = release('another');
  const again = await runAndCheck(d, KEEP);
  expect(again.text).toMatch(/whalefall:before-\d+T\d+Z?: contains \.whalefall-ops/);
  expect(again.text).not.toContain('The image that runs contains .whalefall-ops');
});

it('tells in the language that is asked for how former runs ended, and what was proved of releases', async () => {
  const d = await updatable();
  expect((await d.run(['--yes'], { script: UPDATE })).exitCode).toBe(0);
  expect((await d.run(KEEP)).exitCode).toBe(0);
  expect((await d.run(['--data', 'delete'])).exitCode).toBe(4);
  for (const [script, args] of [
    [runsScript, ['list']],
    [rollbackProd, []],
  ] as const) {
    const told = await d.run([...args, '--lang', 'zh'], { script });
    expect(told.exitCode, told.text).toBe(0);
    expect(told.text).toMatch(/已验证|已取消/);
    expect(told.text).not.toMatch(/proved|updated|deployed|Cancelled|was down|healthy/i);
    expect((await d.run([...args], { script })).text).toMatch(/proved|cancelled/);
  }
});
