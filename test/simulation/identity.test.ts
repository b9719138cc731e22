import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { backupProd } from '../../scripts/backup-prod.ts';
import { restoreProd } from '../../scripts/restore-prod.ts';
import { type Cluster, emptyDatabase } from './model/cluster.ts';
import type { ComposeFile } from './model/compose-file.ts';
import { type Deployment, deployment, ENV, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { release } from './model/release.ts';

const KEEP = ['--yes', '--data', 'keep'];
const DELETE = ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'];

/** Refused before anything changes, with all of this said. */
async function refused(d: Deployment, says: readonly RegExp[], args: readonly string[] = KEEP): Promise<void> {
  const ended = await runAndCheck(d, args);
  expect(ended.exitCode, ended.text).toBe(3);
  for (const words of says) expect(ended.text).toMatch(words);
  expect(ended.changes).toEqual([]);
}

/** `docker compose down`: containers go, volumes stay. */
function down(d: Deployment): void {
  const { engine } = d.machine;
  for (const key of ['postgres', 'redis', 'whalefall']) {
    const container = d.container(key);
    if (container) engine.containers.splice(engine.containers.indexOf(container), 1);
  }
}

const rename = (from: string, to: string) => (file: ComposeFile) => {
  for (const service of Object.values(file.services))
    for (const volume of service.volumes ?? []) if (volume.source === from) volume.source = to;
  file.volumes = { ...file.volumes, [to]: {} };
  delete file.volumes[from];
};

const [PG, REDIS] = ['whalefall_postgres_data', 'whalefall_redis_data'];
const pgdata = (file: ComposeFile) =>
  Object.assign(file.services.postgres?.environment ?? {}, { PGDATA: '/var/lib/postgresql/data/pgdata' });

// --- a release under which the next containers would not look where the data is

it.each([
  [
    'PGDATA',
    pgdata,
    [/is in volume prod_whalefall_postgres_data; .* look in pgdata in volume prod_whalefall_postgres_data/],
  ],
  [
    'the database’s volume',
    rename(PG, 'pg'),
    [/PostgreSQL .* in volume prod_whalefall_postgres_data; .* volume prod_pg/],
  ],
  ['Redis’ volume', rename(REDIS, 'cache'), [/Redis .* in volume prod_whalefall_redis_data; .* volume prod_cache/]],
  [
    'Redis’ directory',
    (file: ComposeFile) => Object.assign(file.services.redis ?? {}, { command: 'redis-server --dir /data/new' }),
    [/Redis \(\/data\) is in .* look in new in volume/],
  ],
] as const)('is refused before the stop when it moves %s', async (_what, edit, says) => {
  const d = await production();
  d.editCompose(edit);
  await refused(d, says);
  await refused(d, says, DELETE);
});

it('is refused when another image keeps data elsewhere, or is another major version', async () => {
  const d = await production();
  const env = { PGDATA: '/var/lib/postgresql/18/docker', PG_MAJOR: '18' };
  d.machine.engine.addImage('postgres', 'postgres:18-alpine', { env });
  d.editCompose((file) => Object.assign(file.services.postgres ?? {}, { image: 'postgres:18-alpine' }));
  await refused(d, [
    /own \/var\/lib\/postgresql\/18\/docker/,
    /data is PostgreSQL 15's, and postgres:18-alpine is PostgreSQL 18/,
  ]);
});

it('is refused when another image of the same major version keeps data elsewhere', async () => {
  const d = await production();
  const env = { PGDATA: '/var/lib/postgresql/15/docker', PG_MAJOR: '15' };
  d.machine.engine.addImage('postgres', 'postgres:15-moved', { env });
  d.editCompose((file) => Object.assign(file.services.postgres ?? {}, { image: 'postgres:15-moved' }));
  await refused(d, [/own \/var\/lib\/postgresql\/15\/docker/, /^(?![\s\S]*does not start on it)/]);
});

it('asks the server of an image that does not say its major version', async () => {
  const d = await production();
  const env = { PG_MAJOR: '', SAYS_VERSION: '17.2 (Debian 17.2-1)' };
  d.machine.engine.addImage('postgres', 'own/postgres:new', { env });
  d.editCompose((file) => Object.assign(file.services.postgres ?? {}, { image: 'own/postgres:new' }));
  await refused(d, [/is PostgreSQL 17: it does not start/, /upgrade-postgres\.ts --to own\/postgres:new --trial/]);
});

it('says which databases another image sorts with another library, and what to type after it', async () => {
  const d = await production();
  const server = d.container('postgres')?.server;
  if (server) server.sorted = [{ database: 'whalefall_prod', provider: 'c', version: '2.36' }];
  const [old, now] = [
    { c: '2.36', i: '1' },
    { c: '2.41', i: '1' },
  ];
  const { engine } = d.machine;
  engine.addImage('postgres', 'postgres:15-same', { libraries: old });
  engine.addImage('postgres', 'postgres:15-newer', { libraries: now });
  const planned = async (image: string) => {
    d.editCompose((file) => Object.assign(file.services.postgres ?? {}, { image }));
    return (await runAndCheck(d, [...KEEP, '--plan'])).text;
  };
  expect(await planned('postgres:15-same')).not.toContain('sorts text');
  const text = await planned('postgres:15-newer');
  expect(text).toMatch(/another library than whalefall_prod was built with \(2\.36 → 2\.41\)/);
  expect(text).toMatch(/REINDEX DATABASE CONCURRENTLY[\s\S]*REFRESH COLLATION VERSION/);
  expect(engine.containers.filter((c) => c.name.includes('throwaway'))).toEqual([]);
});

it('offers after a rebuild what it said before: for databases, and for collations that indexes name', async () => {
  const d = await production();
  const { engine } = d.machine;
  const sorted = {
    sorted: [{ database: 'whalefall_prod', provider: 'c', version: '2.36' }],
    collations: [
      { collation: 'public.german', provider: 'i', version: '153.120', indexes: ['users_by_name', '"Odd Index"'] },
      { collation: 'public.unused_by_indexes', provider: 'i', version: '153.120', indexes: [] },
      { collation: 'pg_catalog."de_DE"', provider: 'c', version: '2.36', indexes: ['notes_by_text'] },
    ],
  } as const;
  const everywhere = () => {
    for (const { server } of engine.containers) if (server) Object.assign(server, sorted);
  };
  everywhere();
  engine.addImage('postgres', 'postgres:15-newer', { libraries: { c: '2.36', i: '157.1' } });
  d.editCompose((file) => Object.assign(file.services.postgres ?? {}, { image: 'postgres:15-newer' }));
  // What is in the volume is there under every server.
  d.machine.override = () => void everywhere();
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  const [before = '', after = ''] = ended.text.split('Deployed and proved');
  for (const text of [before, after]) {
    expect(text).toMatch(
      /library\b.* than collation public\.german of whalefall_prod was built with \(153\.120 → 157\.1\)/,
    );
    expect(text).toMatch(
      /REINDEX INDEX CONCURRENTLY users_by_name[\s\S]*ALTER COLLATION public\.german REFRESH VERSION/,
    );
    expect(text).toMatch(/ALTER COLLATION public\.unused_by_indexes REFRESH VERSION/);
    expect(text).not.toMatch(/de_DE|than whalefall_prod was/);
  }
  expect(after).toContain('Do it now');
  // Nothing was replaced: nothing is said again.
  expect((await runAndCheck(d, KEEP)).text).not.toContain('sorts text');
});

it('is refused also when the image has to be fetched first: nothing has stopped then', async () => {
  const d = await production();
  d.machine.registry.set('postgres:15-other', 'postgres');
  d.editCompose((file) => {
    Object.assign(file.services.postgres ?? {}, { image: 'postgres:15-other' });
    pgdata(file);
  });
  const running = d.container('whalefall')?.id;
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.text).toMatch(/pgdata in volume/);
  expect(d.container('whalefall')).toMatchObject({ id: running, state: 'running' });
});

// --- nothing runs that could be compared

it('finds the database in a volume that no service mounts any more, and goes on with it once that is named', async () => {
  const d = await production();
  down(d);
  d.editCompose(rename(PG, 'pg'));
  await refused(d, [
    /A database is in volume prod_whalefall_postgres_data \(PostgreSQL 15/,
    /"name: prod_whalefall_postgres_data"/,
  ]);
  d.editCompose((file) => {
    rename(PG, 'pg')(file);
    file.volumes = { ...file.volumes, pg: { name: 'prod_whalefall_postgres_data' } };
  });
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  expect(d.database?.tables.notes).toContain('a note that must survive');
});

it('finds Redis’ data likewise, and a database that is not where PGDATA says', async () => {
  const d = await production();
  down(d);
  d.editCompose(rename(REDIS, 'cache'));
  await refused(d, [/Data of Redis is in volume prod_whalefall_redis_data/]);
  d.editCompose(pgdata);
  await refused(d, [/data directory is in volume prod_whalefall_postgres_data; .* pgdata in volume/]);
});

// --- runs, but can't be read

it.each([
  ['POSTGRES_DB', 'whalefall_prod', /no database whalefall_typo \(POSTGRES_DB\); it has postgres, whalefall_prod/],
  ['POSTGRES_USER', 'whalefall_user', /no role whalefall_typo \(POSTGRES_USER\)/],
] as const)('is refused when %s names what is not there', async (variable, is, says) => {
  const d = await production();
  d.writeEnv(ENV.replaceAll(is, 'whalefall_typo').replace(`${variable}=${is}`, `${variable}=whalefall_typo`));
  await refused(d, [/can't be read/, says]);
});

// --- compared after the stores have started

it.each([
  [
    'another cluster',
    (c: Cluster): Cluster => ({ ...c, systemIdentifier: '42' }),
    /another cluster \(system identifier 42/,
  ],
  ['an older copy', (c: Cluster): Cluster => ({ ...c, written: 1 }), /an older state of the cluster/],
  [
    'a cluster without its rows',
    (c: Cluster): Cluster => {
      const copy = structuredClone(c);
      for (const table of Object.values(copy.databases.whalefall_prod?.tables ?? {})) table.length = 0;
      return copy;
    },
    /table public\.notes has no rows any more/,
  ],
] as const)('writes nothing to %s that comes up instead of the data from before', async (_what, other, says) => {
  const d = await production();
  d.editCompose((file) => Object.assign(file.services.postgres?.environment ?? {}, { TZ: 'UTC' }));
  const { cluster, machine } = d;
  const files = d.volume('postgres')?.files ?? {};
  const instead = other(cluster as Cluster);
  let seen: string | undefined;
  machine.override = (_call, text) => {
    if (/^docker rename \S+ \S+postgres\S*-before-/.test(text) && files.cluster === cluster) {
      files.cluster = instead;
      seen = JSON.stringify(instead.databases);
    }
    return undefined;
  };
  const ended = await d.run(KEEP);
  expect(ended.text).toMatch(says);
  expect(ended.exitCode, ended.text).toBe(6);
  expect(JSON.stringify(instead.databases)).toBe(seen);
  expect(instead.roles).toEqual(cluster?.roles);
});

// --- userdata that others write to

const mountUserdata = (file: ComposeFile) => {
  Object.assign(file.services.whalefall ?? {}, {
    volumes: [{ type: 'volume', source: 'userdata', target: '/app/userdata' }],
  });
  file.volumes = { ...file.volumes, userdata: {} };
};

it('leaves userdata alone that is a volume: what is written meanwhile stays', async () => {
  const made = deployment();
  made.editCompose(mountUserdata);
  const d = await production(made);
  const { machine } = d;
  const files = machine.engine.volumes.get('prod_userdata')?.files ?? {};
  files['jobs.log'] = 'a line';
  machine.override = (_call, text) => {
    if (/compose .* up --no-start .*whalefall/.test(text)) files['jobs.log'] = 'a line, and one of a worker';
    return undefined;
  };
  const ended = await d.run(KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/\/app\/userdata is mounted: left alone/);
  expect(files['jobs.log']).toBe('a line, and one of a worker');
});

it('puts userdata into a volume that a release adds, and refuses one that takes its volume away', async () => {
  const d = await production();
  d.editCompose(mountUserdata);
  const ended = await d.run(KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(d.machine.engine.volumes.get('prod_userdata')?.files).toMatchObject({ 'upload.txt': 'an upload' });
  d.editCompose(() => undefined);
  await refused(d, [/userdata \(\/app\/userdata\) is in volume prod_userdata; .* container's own/]);
});

// --- volumes by what is mounted where

it('deletes and saves each of the database’s volumes, whichever is listed first', async () => {
  const made = deployment();
  made.editCompose((file) => {
    file.services.postgres?.volumes?.unshift({ type: 'volume', source: 'dumps', target: '/dumps' });
    file.volumes = { dumps: {}, ...file.volumes };
  });
  const d = await production(made);
  const { engine } = d.machine;
  Object.assign(engine.volumes.get('prod_dumps')?.files ?? {}, { 'old.dump': 'somebody’s' });
  const ended = await runAndCheck(d, DELETE);
  expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('prod_dumps') });
  expect(ended.text).toMatch(/database postgres +\S/);
});

/** A directory of this machine that is a volume: `docker volume rm` leaves what is in it. */
const ON_DEVICE = { type: 'none', o: 'bind', device: '/srv/database' };

it('deletes no volume whose files would stay, and says where to look', async () => {
  const made = deployment();
  made.editCompose((file) => Object.assign(file.volumes ?? {}, { [PG]: { driver_opts: ON_DEVICE } }));
  const d = await production(made);
  await refused(d, [/prod_whalefall_postgres_data has its files in a directory/, /docker volume inspect/], DELETE);
});

it('writes no new database over one that is there after all, and takes it all back', async () => {
  const made = deployment();
  made.editCompose((file) => Object.assign(file.volumes ?? {}, { [PG]: { driver_opts: ON_DEVICE } }));
  const d = await production(made);
  down(d);
  const { engine } = d.machine;
  engine.volumes.delete('prod_whalefall_postgres_data');
  const before = structuredClone(engine.devices.get(ON_DEVICE.device));
  const ended = await d.run(DELETE);
  expect(ended, ended.text).toMatchObject({ exitCode: 1, text: expect.stringContaining('already has data') });
  const identifier = (files: unknown) => (files as { cluster: Cluster }).cluster.systemIdentifier;
  expect(identifier(engine.devices.get(ON_DEVICE.device))).toBe(identifier(before));
});

it('prepares the new database by a server as the compose file has it', async () => {
  const made = deployment();
  mkdirSync(path.join(made.dir, 'init.d'));
  made.editCompose((file) => {
    const { postgres } = file.services;
    Object.assign(postgres ?? {}, { user: '1000:1000', command: 'postgres -c max_connections=300' });
    postgres?.volumes?.push({ type: 'bind', source: './init.d', target: '/docker-entrypoint-initdb.d' });
  });
  const d = await production(made);
  const ended = await runAndCheck(d, DELETE);
  expect(ended.exitCode, ended.text).toBe(0);
  const started = ended.calls.find(({ argv }) => argv[1] === 'run' && argv.includes('--network-alias'))?.argv ?? [];
  expect(started.join(' ')).toMatch(/ --user 1000:1000 /);
  expect(started.join(' ')).toContain(` -v ${path.join(d.dir, 'init.d')}:/docker-entrypoint-initdb.d:ro `);
  expect(started.join(' ')).toMatch(/ postgres:15-alpine postgres -c max_connections=300$/);
});

it('prepares the new database by an application with the files that the compose file gives it, none to be written to', async () => {
  const made = deployment();
  const lies = (name: string) => path.join(made.dir, name);
  writeFileSync(lies('app.yml'), 'a setting');
  writeFileSync(lies('token'), 'a token');
  mkdirSync(lies('logs'));
  made.editCompose((file) => {
    const { whalefall } = file.services;
    Object.assign(whalefall ?? {}, { user: '1000:1000', secrets: [{ source: 'token' }] });
    whalefall?.volumes?.push({ type: 'bind', source: './app.yml', target: '/app/config/app.yml' });
    whalefall?.volumes?.push({ type: 'bind', source: './logs', target: '/app/logs' });
    file.secrets = { token: { file: lies('token') } };
  });
  const d = await production(made);
  const ended = await runAndCheck(d, DELETE);
  expect(ended.exitCode, ended.text).toBe(0);
  const started = ended.calls.find(({ argv }) => argv[1] === 'run' && argv.some((w) => w.endsWith('-app')))?.argv ?? [];
  expect(started.filter((_, at) => started[at - 1] === '-v')).toEqual([
    `${lies('.env')}:/app/.env:ro`,
    `${lies('app.yml')}:/app/config/app.yml:ro`,
    `${lies('token')}:/run/secrets/token:ro`,
  ]);
  expect(started.join(' ')).toContain(' --user 1000:1000 ');
});

it('refuses an engine that runs rootless before anything is built', async () => {
  const d = await production();
  d.machine.override = (_call, typed) =>
    /^docker info/.test(typed) ? { stdout: '["name=seccomp","name=rootless"]\n' } : undefined;
  const ended = await runAndCheck(d, ['--yes', '--data', 'keep']);
  expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [] });
  expect(ended.text).toContain('The engine runs rootless');
});

it('deletes userdata that is a volume, though the trial’s container had it mounted', async () => {
  const made = deployment();
  made.editCompose(mountUserdata);
  const d = await production(made);
  const files = () => d.machine.engine.volumes.get('prod_userdata')?.files ?? {};
  delete d.container('whalefall')?.layer['/app/userdata/upload.txt'];
  Object.assign(files(), { 'upload.txt': 'an upload' });
  d.machine.release = release('broken', { neverHealthy: true });
  const failed = await runAndCheck(d, DELETE);
  expect(failed.exitCode, failed.text).toBe(1);
  expect(files()).toMatchObject({ 'upload.txt': 'an upload' });
  d.machine.release = release('new');
  const ended = await runAndCheck(d, DELETE);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(files()).not.toHaveProperty('upload.txt');
});

it('names a worker that has a volume mounted before anything stops', async () => {
  const d = await production();
  const image = d.machine.engine.image('redis:7-alpine');
  const labels = {
    'com.docker.compose.project': 'prod',
    'com.docker.compose.service': 'worker',
    'com.docker.compose.oneoff': 'False',
  };
  d.machine.engine.create({
    name: 'prod_worker',
    image,
    env: {},
    labels,
    networks: {},
    mounts: { '/data': 'prod_whalefall_redis_data' },
  });
  await refused(d, [/prod_whalefall_redis_data is also mounted by prod_worker/], DELETE);
});

it('gives back what a deletion archived, the second database too', async () => {
  const d = await production();
  const { cluster } = d;
  if (cluster)
    cluster.databases.other = { ...emptyDatabase('whalefall_user'), tables: { things: ['of another application'] } };
  expect(await runAndCheck(d, DELETE)).toMatchObject({ exitCode: 0 });
  const backups = () => readdirSync(path.join(d.state, 'backups')).sort();
  const archive = backups().find((name) => name.endsWith('-prod_whalefall_postgres_data')) ?? '';
  expect((await d.run([archive], { script: restoreProd })).text).toContain(`backup-prod.ts create --from ${archive}`);
  const made = async (args: readonly string[]) => {
    const before = backups();
    const ended = await d.run(['create', '--from', archive, ...args], { script: backupProd });
    expect(ended.exitCode, ended.text).toBe(0);
    return backups().find((name) => !before.includes(name)) ?? '';
  };
  expect(
    readFileSync(path.join(d.state, 'backups', await made(['--database', 'other']), 'database.dump'), 'utf8'),
  ).toContain('of another application');
  const backup = await made([]);
  const ended = await d.run([backup, '--confirm', 'RESTORE whalefall_prod'], { script: restoreProd });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(d.database?.tables.notes).toContain('a note that must survive');
});

// --- again after a first installation that failed

it('goes on where a first installation failed, without asking about its own volumes', async () => {
  const d = deployment();
  d.writeEnv(ENV);
  d.machine.release = release('broken', { neverHealthy: true });
  expect(await runAndCheck(d, ['--yes'])).toMatchObject({ exitCode: 1 });
  d.machine.release = release('new');
  const ended = await runAndCheck(d, ['--yes']);
  expect(ended.exitCode, ended.text).toBe(0);
});

it('never starts the former PostgreSQL beside a new one that dies again and again', async () => {
  const d = await production();
  const former = d.container('postgres')?.id ?? '';
  d.editCompose((file) => Object.assign(file.services.postgres?.environment ?? {}, { TZ: 'UTC' }));
  const beside: string[] = [];
  d.machine.override = ({ argv }, typed) => {
    const { containers } = d.machine.engine;
    const next = containers.find((c) => c.image.program === 'postgres' && c.id !== former);
    if (typed === `docker start ${former}`) beside.push(String(next?.state));
    if (!next || typed !== `docker start ${next.id}`) return undefined;
    next.state = 'restarting';
    return { stdout: `${argv.at(-1)}\n` };
  };
  const ended = await runAndCheck(d, ['--data', 'keep', '--yes']);
  expect(ended, ended.text).toMatchObject({ exitCode: 1, text: expect.stringMatching(/PostgreSQL.* is restarting/) });
  expect(beside).toEqual(['exited']);
});
