import { chmodSync, lchownSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { type Deployment, deployment, ENV, openToStrangers, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import type { Override } from './model/machine.ts';
import { type Behaviour, NEW_REVISION, release } from './model/release.ts';

const PHRASE = 'DELETE ALL DATA';
const NOBODY = 65534;
const DELETE = ['--yes', '--data', 'delete', '--confirm', PHRASE];
const KEEP = ['--yes', '--data', 'keep'];
const CHOICES = [
  ['keep', KEEP],
  ['delete', DELETE],
] as const;

vi.setConfig({ testTimeout: 30_000 });

// What a person types at the prompts; undefined is the end of input.
let typed: (string | undefined)[] = [];
vi.mock('../../lib/runs/terminal/prompts.ts', () => ({
  phrase: async () => typed.shift(),
  choice: async () => typed.shift(),
  yes: async () => typed.shift() === 'y',
}));

/** A run that must end with this code, say this, and change nothing at all. */
async function refused(
  d: Deployment,
  exitCode: number,
  says: RegExp,
  args: readonly string[] = KEEP,
  interactive = false,
) {
  const running = d.container('whalefall')?.id;
  const ended = await runAndCheck(d, args, { interactive });
  expect(ended.text).toMatch(says);
  expect(ended.exitCode).toBe(exitCode);
  expect(ended.changes).toEqual([]);
  expect(d.container('whalefall')?.id).toBe(running);
  return ended;
}

/** A run that must fail with this code and leave production as it was; `check` holds it to that. */
async function failed(d: Deployment, exitCode: number, says: RegExp, args: readonly string[] = KEEP) {
  const ended = await runAndCheck(d, args);
  expect(ended.text).toMatch(says);
  expect(ended.exitCode).toBe(exitCode);
  return ended;
}

/** Answers every call whose text fits, from the `from`-th on. */
const answering = (fits: RegExp, reply: ReturnType<Override>, from = 1): Override => {
  let seen = 0;
  return (_call, text) => {
    if (!fits.test(text)) return undefined;
    seen += 1;
    return seen >= from ? reply : undefined;
  };
};

const inFile = (d: Deployment, name: string) => path.join(d.dir, name);

// --- the machine

it('says that there is no docker, in both languages', async () => {
  const d = await production();
  d.machine.absent.add('docker');
  await refused(d, 3, /Docker is not installed[\s\S]*docker compose[\s\S]*Nothing was changed/);
  await refused(d, 3, /未安装 Docker[\s\S]*未做任何改动/, [...KEEP, '--lang', 'zh']);
});

it('says that the engine is down, and what it says itself', async () => {
  const d = await production();
  const says = { exitCode: 1, stderr: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n' };
  d.machine.override = answering(/^docker (?!compose)/, says);
  await refused(d, 3, /does not answer: Cannot connect to the Docker daemon[\s\S]*Nothing was changed/);
  await refused(d, 3, /Docker 引擎没有响应[\s\S]*systemctl start docker/, [...KEEP, '--lang', 'zh']);
});

it('says that there is no curl', async () => {
  const d = await production();
  d.machine.absent.add('curl');
  await refused(d, 3, /curl can't be used[\s\S]*Install curl/);
});

it('is not content with compose v1', async () => {
  const d = await production();
  d.machine.override = answering(/^docker compose/, {
    exitCode: 1,
    stderr: "docker: 'compose' is not a docker command.\n",
  });
  await refused(d, 3, /There is no `docker compose` \(the old `docker-compose` 1\.x will not do\)/);
});

it('is not content with a compose that is too old', async () => {
  const d = await production();
  d.machine.override = answering(/^docker compose version/, { stdout: '2.12.2\n' });
  await refused(d, 3, /2\.12\.2 is too old; at least 2\.17/);
});

it('says all that is missing at once', async () => {
  const d = await production();
  rmSync(inFile(d, 'docker-compose.prod.yml'));
  rmSync(inFile(d, 'Dockerfile.prod'));
  d.machine.absent.add('git');
  await refused(d, 3, /git can't be used[\s\S]*docker-compose\.prod\.yml is missing[\s\S]*Dockerfile\.prod is missing/);
});

it('repeats what compose says about a file that is no YAML', async () => {
  const d = await production();
  writeFileSync(inFile(d, 'docker-compose.prod.yml'), 'services: [unclosed: {');
  await refused(d, 2, /mapping values are not allowed/);
});

it('finds a port that something else listens on', async () => {
  const d = deployment();
  d.writeEnv(ENV);
  d.machine.takenPorts.add(28080);
  await refused(d, 3, /28080 is taken by something that is not part of this stack[\s\S]*ss -ltnp/, ['--yes']);
});

// --- .env

it('never makes new secrets for a database that exists', async () => {
  const d = await production();
  rmSync(inFile(d, '.env'));
  await refused(d, 3, /There is no \.env, but the database volume[\s\S]*PASSWORD_ENCRYPTION_KEY/);
});

it('does not create .env without being asked to', async () => {
  await refused(deployment(), 4, /There is no \.env, and none was created/, []);
});

it.each<[string, (file: string) => void, RegExp]>([
  [
    'empty',
    (file) => writeFileSync(file, ''),
    /\.env POSTGRES_PASSWORD: is required[\s\S]*\.env SECRET_KEY: is required/,
  ],
  ['with Windows line ends', (file) => writeFileSync(file, ENV.replaceAll('\n', '\r\n')), /Windows line ends \(CRLF\)/],
  [
    'a directory',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
    /\.env is a directory/,
  ],
  [
    'a link to nothing',
    (file) => {
      rmSync(file);
      symlinkSync('nowhere', file);
    },
    /link that points to nothing/,
  ],
  ['not UTF-8', (file) => writeFileSync(file, Buffer.from([0x41, 0x3d, 0xb2, 0xe2])), /not valid UTF-8/],
])('refuses a .env that is %s', async (_what, spoil, says) => {
  const d = await production();
  spoil(inFile(d, '.env'));
  await refused(d, 2, says);
});

it('refuses a .env that may not be read', async () => {
  const d = await production();
  chmodSync(inFile(d, '.env'), 0o000);
  // Root may read whatever there is, so root is somebody else for a while, to whom all but that belongs.
  const asRoot = process.geteuid?.() === 0;
  const below = readdirSync(d.root, { recursive: true, encoding: 'utf8' }).map((f) => path.join(d.root, f));
  if (asRoot) for (const file of [d.root, ...below]) lchownSync(file, NOBODY, NOBODY);
  if (asRoot) process.seteuid?.(NOBODY);
  try {
    await refused(d, 2, /may not be read by this user/);
  } finally {
    if (asRoot) process.seteuid?.(0);
  }
});

// Each unquoted, as a person would first write it.
it.each([
  ['$', 'sentinel$word-1', /POSTGRES_PASSWORD: an unprotected \$/],
  ['#', 'sentinel#word-1', /POSTGRES_PASSWORD: a # outside of quotes/],
  ["'", "sentinel'word-1", /POSTGRES_PASSWORD: a quote inside the value/],
  ['"', 'sentinel"word-1', /POSTGRES_PASSWORD: a quote inside the value/],
  ['a space', 'sentinel word-1', /POSTGRES_PASSWORD: a space outside of quotes/],
  ['@', 'sentinel@word-1', /DATABASE_URL/],
  [':', 'sentinel:word-1', undefined],
  ['%', 'sentinel%41word-1', /DATABASE_URL: does not fit POSTGRES_PASSWORD/],
])('a password with an unprotected %s is refused, or works', async (_what, password, says) => {
  const d = deployment();
  d.writeEnv(ENV.replace('sentinel-postgres-4f1c9a', password));
  d.secrets.add(password);
  if (says) await refused(d, 2, says, ['--yes']);
  else expect(await runAndCheck(d, ['--yes'])).toMatchObject({ exitCode: 0 });
});

it.each([
  ['$', 'sentinel$word-2'],
  ['#', 'sentinel#word-2'],
  ["'", "sentinel'word-2", '"'],
  ['"', 'sentinel"word-2'],
  ['a space', 'sentinel word-2'],
  ['%', 'sentinel%41word-2'],
  ['@ and :', 'sentinel@word:2'],
  ['Chinese', '哨兵密码-sentinel-2'],
])('a password with %s in quotes, and encoded in the URL, deploys', async (_what, password, quote = "'") => {
  const d = deployment();
  const url = `postgresql+psycopg://whalefall_user:${encodeURIComponent(password).replaceAll("'", '%27')}@postgres:5432/whalefall_prod`;
  const env = ENV.replace(/^POSTGRES_PASSWORD=.*$/m, () => `POSTGRES_PASSWORD=${quote}${password}${quote}`);
  d.writeEnv(env.replace(/^DATABASE_URL=.*$/m, () => `DATABASE_URL='${url}'`));
  d.secrets.add(password);
  expect(await runAndCheck(d, ['--yes'])).toMatchObject({ exitCode: 0 });
});

it('gives the role the password of a changed .env, and touches nothing else', async () => {
  const d = await production();
  d.writeEnv(ENV.replace('sentinel-postgres-4f1c9a', 'sentinel-another-4711'));
  const ended = await runAndCheck(d, KEEP);
  expect(ended.text).toContain("setting the role's password");
  expect(ended.exitCode).toBe(0);
});

it('says that Redis runs with another password', async () => {
  const d = await production();
  const redis = d.container('redis');
  Object.assign(redis ?? {}, { command: ['redis-server', '--requirepass', 'another'] });
  await failed(d, 1, /Redis refuses the password in REDIS_PASSWORD/);
});

// --- consent

it.each([
  ['lower case', 'delete all data'],
  ['a space behind it', `${PHRASE} `],
  ['a space before it', ` ${PHRASE}`],
  ['no spaces', 'DELETEALLDATA'],
  ['yes', 'yes'],
  ['nothing', ''],
])('deletes nothing on %s', async (_what, phrase) => {
  const d = await production();
  await refused(d, 4, /does not match: cancelled[\s\S]*Nothing was changed/, [
    '--data',
    'delete',
    '--yes',
    '--confirm',
    phrase,
  ]);
  typed = [phrase];
  await refused(d, 4, /does not match: cancelled/, ['--data', 'delete', '--yes'], true);
});

it('deletes nothing when nobody can be asked', async () => {
  const d = await production();
  await refused(d, 4, /No answer[\s\S]*--confirm "DELETE ALL DATA"/, ['--data', 'delete', '--yes']);
  await refused(d, 4, /没有得到回答[\s\S]*未做任何改动/, ['--data', 'delete', '--yes', '--lang', 'zh']);
  await refused(d, 4, /nothing was chosen[\s\S]*--data keep or --data delete/, ['--yes']);
});

it('deletes nothing when the input ends at a prompt', async () => {
  const d = await production();
  typed = [];
  await refused(d, 4, /nothing was chosen/, [], true);
  typed = ['delete'];
  await refused(d, 4, /No answer/, [], true);
  typed = ['cancel'];
  await refused(d, 4, /nothing was chosen/, [], true);
  typed = ['keep', 'n'];
  await refused(d, 4, /Cancelled/, [], true);
});

it('does what was chosen and typed', async () => {
  const d = await production();
  typed = ['delete', PHRASE];
  expect(await runAndCheck(d, [], { interactive: true })).toMatchObject({ exitCode: 0 });
  expect(d.database?.tables.notes).toEqual([]);
});

// --- the new release

it.each<[string, Behaviour, RegExp]>([
  ['whose build fails', { buildFails: true }, /did not complete/],
  ['that cannot create the application', { cannotCreate: true }, /ImportError/],
  ['that ends at its start', { exitsAtStart: true }, /would not come up[\s\S]*exit_at_start/],
])('a release %s stops nothing', async (_what, behaviour, says) => {
  const d = await production();
  d.machine.release = release('broken', behaviour);
  for (const [, args] of CHOICES) {
    const ended = await failed(d, 1, says, args);
    expect(ended.changes.filter((c) => /docker stop|volume rm/.test(c))).toEqual([]);
  }
});

it.each<[string, Behaviour, RegExp]>([
  ['ends at its start where it serves', { exitsInPlace: true }, /restarting|crashed/],
  ['never becomes healthy', { neverHealthy: true }, /not healthy 2 times in a row/],
  ['answers 200 and unhealthy', { deepUnhealthy: true }, /status unhealthy/],
])('brings everything back when the new release %s', async (_what, behaviour, says) => {
  for (const [, args] of CHOICES) {
    const d = await production();
    d.machine.release = release('broken', behaviour);
    await failed(d, 1, says, args);
  }
});

it('stops a new release that dies again and again before the data of before goes back', async () => {
  const d = await production();
  d.machine.release = release('broken', { exitsInPlace: true, head: NEW_REVISION });
  const states: string[][] = [];
  d.machine.override = (call) => {
    const apps = d.machine.engine.containers.filter((c) => c.app && c.state !== 'created');
    if (call.input.includes('RENAME TO')) states.push(apps.map((c) => c.state));
    return undefined;
  };
  await failed(d, 1, /restarting|crashed/);
  expect(states).toEqual([['exited', 'exited']]);
});

it('brings back everything when a migration fails', async () => {
  const d = await production();
  d.machine.release = release('broken', { migrationFails: true, head: NEW_REVISION });
  await failed(d, 1, /column "nonexistent" does not exist/);
});

it('gives up the migration that has loaded the application when the last backup fails', async () => {
  const d = await production();
  d.machine.release = release('new', { head: NEW_REVISION });
  d.machine.override = answering(/ pg_dump /, { exitCode: 1, stderr: 'pg_dump: error: lost\n' }, 2);
  const ended = await failed(d, 1, /pg_dump: error: lost/);
  expect(ended.changes.filter((c) => / db upgrade/.test(c))).toEqual([]);
});

it('brings back everything when a migration fails that had committed a part of itself', async () => {
  const d = await production();
  d.machine.release = release('broken', { migrationFails: true, commitsMidway: true, head: NEW_REVISION });
  const file = `migrations/versions/${NEW_REVISION}_next.py`;
  mkdirSync(path.dirname(inFile(d, file)), { recursive: true });
  writeFileSync(inFile(d, file), 'with op.get_context().autocommit_block():\n    pass\n');
  const ended = await failed(d, 1, /column "nonexistent" does not exist/);
  expect(ended.text).toMatch(/not one transaction: it commits on its way \(migrations\/versions\/\d+_next\.py\)/);
  expect(d.database?.tables.half_way).toBeUndefined();
});

it('does not delete for a migration that fails in an empty database', async () => {
  const d = await production();
  d.machine.release = release('broken', { migrationFails: true });
  const ended = await failed(d, 1, /column "nonexistent" does not exist/, DELETE);
  expect(ended.changes.filter((c) => /volume rm/.test(c))).toEqual([]);
});

// --- the backup

it.each<[string, Override, RegExp]>([
  [
    'the disk gets full during the dump',
    answering(/ pg_dump /, {
      stdout: 'PGDMP{',
      exitCode: 1,
      stderr: 'pg_dump: error: could not write: No space left on device\n',
    }),
    /got full during the backup/,
  ],
  ['the dump is cut off', answering(/ pg_dump /, { stdout: 'PGDMP{"tables":' }), /end of file|could not read/],
  [
    'pg_dump fails',
    answering(/ pg_dump /, { exitCode: 1, stderr: 'pg_dump: error: query failed: invalid page in block 3\n' }),
    /invalid page in block 3/,
  ],
])('loses nothing when %s', async (_what, override, says) => {
  for (const [, args] of CHOICES) {
    const d = await production();
    d.machine.override = override;
    const ended = await runAndCheck(d, args);
    expect(ended.text).toMatch(says);
    // Only what the server can't do is done without it: then its files are archived.
    const stopped = ended.changes.filter((c) => /docker stop|volume rm/.test(c));
    if (!says.source.includes('invalid page')) expect(stopped).toEqual([]);
    expect(ended.exitCode).toBe(says.source.includes('invalid page') ? 0 : 1);
  }
});

it.each<[string, RegExp, RegExp]>([
  ['the throwaway does not start', /docker run .*--name whalefall-ops-throwaway/, /no room for it/],
  ['the trial restore fails', / pg_restore /, /no room for it/],
  ['what was restored can not be asked', /psql .*-d 'dbname=.*trial/, /no room for it/],
])('stops nothing when %s: that says nothing about the server', async (_what, fits, says) => {
  for (const [, args] of CHOICES) {
    const d = await production();
    d.machine.override = answering(fits, { exitCode: 1, stderr: 'pg_restore: error: no room for it\n' });
    const ended = await failed(d, 1, says, args);
    expect(ended.changes.filter((c) => /docker stop|volume rm/.test(c))).toEqual([]);
  }
});

it('undoes only after all that was begun beside a failing backup has ended', async () => {
  const d = await production();
  const { id = '' } = d.container('redis') ?? {};
  const { clock } = d.machine;
  const latency = d.machine.latency.bind(d.machine);
  let stops = 0;
  d.machine.latency = (call) => {
    if (call.argv.join(' ') !== `docker stop -t 60 ${id}` || stops++ > 0) return latency(call);
    // Time passes in small steps meanwhile, so that undoing could begin too early.
    for (let at = 20; at < 5_000; at += 20) clock.sleep(at);
    return 5_000;
  };
  d.machine.override = answering(/ pg_dump /, { exitCode: 1, stderr: 'pg_dump: error: lost\n' }, 2);
  await failed(d, 1, /lost/, DELETE);
  expect(d.container('redis')?.state).toBe('running');
});

it('does not take a restore that differs for a backup', async () => {
  const d = await production();
  const dump = `PGDMP${JSON.stringify({ ...d.database, tables: { ...d.database?.tables, notes: ['another note'] } })}\nEND`;
  d.machine.override = answering(/ pg_dump /, { stdout: dump });
  const ended = await failed(
    d,
    3,
    /what it restores is not what was in the database[\s\S]*public\.notes: 2 → 1/,
    DELETE,
  );
  expect(ended.changes.filter((c) => /docker stop|volume rm/.test(c))).toEqual([]);
});

it('says that the schema stays where a migrated database has only its files from before', async () => {
  const d = await production();
  d.machine.release = release('broken', { head: NEW_REVISION, neverHealthy: true });
  d.machine.override = answering(/ pg_dump /, { exitCode: 1, stderr: 'pg_dump: error: invalid page in block 3\n' });
  const ended = await failed(
    d,
    6,
    /was migrated and could not be dumped before[\s\S]*Its files from before are in \S+/,
  );
  expect(d.database?.stamp).toBe(NEW_REVISION);
  expect(d.files(path.join(d.state, 'backups')).filter((f) => f.endsWith('volume.tar'))).toHaveLength(1);
  expect(ended.text).toMatch(/docker start [0-9a-f]{12}/);
});

it('takes what users write between the two backups into the one that counts', async () => {
  const d = await production();
  expect(await runAndCheck(d, DELETE)).toMatchObject({ exitCode: 0 });
  const [loss] = d.machine.ledger.losses.filter((l) => l.kind === 'volume');
  expect(JSON.stringify(loss)).toContain('written while a dump was taken');
});

// --- the database

it('says that PostgreSQL does not get ready', async () => {
  const d = await production();
  d.machine.engine.stop(d.container('postgres')!);
  d.machine.override = answering(new RegExp(`${d.container('postgres')?.id} pg_isready `), { exitCode: 2 });
  const ended = await runAndCheck(d, KEEP);
  expect(ended.text).toMatch(/PostgreSQL was not ready after 60 s/);
  expect(ended.exitCode).toBe(1);
});

it('waits for a database that is starting when the survey comes, and reads it then', async () => {
  const d = await production();
  const starting = d.machine.engine.clock.monotonic() + 5_000;
  d.machine.override = ({ argv }) => {
    const isUp = d.machine.engine.clock.monotonic() >= starting;
    if (isUp || !argv.includes(d.container('postgres')?.id ?? '')) return undefined;
    if (argv.includes('pg_isready')) return { exitCode: 1 };
    const stderr = 'psql: error: connection to server failed: FATAL:  the database system is starting up\n';
    return argv.includes('psql') ? { exitCode: 2, stderr } : undefined;
  };
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
});

it('waits for a database that only its socket reaches as yet: the image’s init scripts run on such a server', async () => {
  const d = await production();
  const starting = d.machine.engine.clock.monotonic() + 5_000;
  d.machine.override = ({ argv }) => {
    const isUp = d.machine.engine.clock.monotonic() >= starting;
    if (isUp || !argv.includes(d.container('postgres')?.id ?? '')) return undefined;
    if (argv.includes('pg_isready')) return { exitCode: 2 };
    const stderr = 'psql: error: connection to server at "172.18.0.2", port 5432 failed: Connection refused\n';
    return argv.includes('login') ? { exitCode: 2, stderr } : undefined;
  };
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
});

it('closes a database that the former script left open, and ends who came in', async () => {
  const d = await production();
  openToStrangers(d);
  const ended = await runAndCheck(d, KEEP);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('LETS ANYBODY IN') });
  expect(d.cluster?.hba).not.toMatch(/^host all all all trust$/m);
  expect(d.container('postgres')?.server?.sessions).toEqual([]);
});

it('installs where the images of the stores are not there yet', async () => {
  const d = deployment();
  d.writeEnv(ENV);
  d.machine.engine.images.length = 0;
  expect(await runAndCheck(d, ['--yes'])).toMatchObject({ exitCode: 0 });
});
