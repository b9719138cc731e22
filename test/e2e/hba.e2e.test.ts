import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Ops } from '../../lib/core/ops.ts';
import { ask, read, run } from '../../lib/core/run.ts';
import { Secrets } from '../../lib/core/secrets.ts';
import { childEnv, createShell } from '../../lib/core/shell.ts';
import { targetFor } from '../../lib/core/target.ts';
import { thisProcess } from '../../lib/core/world.ts';
import type { Container } from '../../lib/tools/docker/containers.ts';
import { exec } from '../../lib/tools/docker/docker.ts';
import { inspectHba, proveHba, type RemoteAccess, restoreHba } from '../../lib/tools/pg-hba/hba.ts';
import { canLogIn, setPassword } from '../../lib/tools/postgres/login.ts';
import { type Database, execute, query } from '../../lib/tools/postgres/psql.ts';
import { waitForPostgres } from '../../lib/tools/postgres/ready.ts';
import { askedFor } from '../../lib/tools/postgres/wire.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { ownName } from '../sandbox/sandbox.ts';
import { itInFull } from './thorough.ts';

const PREFIX = ownName(`wfops-hba-${process.pid}`);
const USER = 'app_user';
const PASSWORD = 'r1ght:pass\\w%rd';

let ops: Ops;
let db: Database;
let client: string;
let outside: RemoteAccess;
const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-e2e-'));

/** The host's docker, without a journal or checks. */
async function docker(...args: string[]): Promise<string> {
  return ask(ops, read(['docker', ...args], { deadlineMs: 60_000 }));
}

/** As root in the server's container, as the shell script and the runbook did it. */
const inServer = (script: string) => docker('exec', db.container.id, 'bash', '-c', script);
const sql = (text: string) => execute(ops, db, text);
const hbaText = () => inServer('cat "$PGDATA/pg_hba.conf"');
const asked = () => askedFor(ops, outside.address, { user: USER, database: db.name }, 5_000);
const logIn = (password: string) => canLogIn(ops, db, { container: client, host: 'postgres' }, password);

/** A session from the other container that would sleep for a minute; resolves when it ends. */
function sleeper(): Promise<string> {
  const psql = ['psql', '-X', '-h', 'postgres', '-U', USER, '-d', db.name, '-c', 'SELECT pg_sleep(60)'];
  return run(ops, exec('read', client, psql, { env: { PGPASSWORD: PASSWORD }, deadlineMs: 70_000 }), [0, 1, 2, 3]).then(
    (o) => o.stderr,
  );
}

async function untilSessions(count: number): Promise<void> {
  for (;;) {
    const rows = await query(
      ops,
      db,
      "SELECT json_build_object('pid', pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
    );
    if (rows.length === count) return;
    await ops.clock.sleep(50);
  }
}

beforeAll(async () => {
  const { postgres } = await ensureBaseImages();
  const world = thisProcess();
  const env = childEnv(world.env);
  ops = {
    $: createShell({ env }),
    env,
    target: targetFor(dir),
    paths: { state: dir, backups: dir, run: dir },
    clock: world.clock,
    net: world.net,
    screen: {} as Ops['screen'],
    journal: { write: () => 0 },
    secrets: new Secrets(),
    kill: world.kill,
    signal: new AbortController().signal,
  };
  ops.secrets.add(PASSWORD);
  await docker('network', 'create', PREFIX);
  client = await docker(
    'run',
    '-d',
    '--name',
    `${PREFIX}-client`,
    '--network',
    PREFIX,
    '--entrypoint',
    'sleep',
    postgres,
    '3600',
  );
  await docker(
    'create',
    '--name',
    `${PREFIX}-db`,
    '--network',
    PREFIX,
    '--network-alias',
    'postgres',
    '-p',
    '127.0.0.1::5432',
    '-e',
    `POSTGRES_USER=${USER}`,
    '-e',
    `POSTGRES_PASSWORD=${PASSWORD}`,
    '-e',
    'POSTGRES_DB=appdb',
    postgres,
  );
  await docker('start', `${PREFIX}-db`);
  const [raw] = JSON.parse(await docker('inspect', `${PREFIX}-db`));
  const container: Container = {
    id: raw.Id,
    mounts: [],
    dataDirectory: '/var/lib/postgresql/data',
    name: `${PREFIX}-db`,
    imageId: raw.Image,
    state: 'running',
    health: '',
    restartCount: 0,
    startedAt: '',
    lastedMs: 0,
    stopSeconds: 0,
    configHash: '',
    addresses: { [PREFIX]: raw.NetworkSettings.Networks[PREFIX].IPAddress },
    ports: [
      {
        target: 5432,
        published: Number(raw.NetworkSettings.Ports['5432/tcp'][0].HostPort),
        protocol: 'tcp',
        hostIp: '127.0.0.1',
      },
    ],
  };
  db = { container, user: USER, name: 'appdb', volume: { name: 'none', createdAt: '' } };
  outside = {
    address: { host: '127.0.0.1', port: container.ports[0]?.published as number },
    clientContainer: client,
    clientHost: 'postgres',
  };
  await waitForPostgres(ops, db, 60_000);
  await inServer('cp -p "$PGDATA/pg_hba.conf" /tmp/pristine');
});

afterAll(async () => {
  for (const name of [`${PREFIX}-db`, `${PREFIX}-client`]) await docker('rm', '-f', '-v', name);
  await docker('network', 'rm', PREFIX);
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(async () => {
  await inServer('cp -p /tmp/pristine "$PGDATA/pg_hba.conf"; rm -f "$PGDATA"/pg_hba.conf.before-*');
  await sql('SELECT pg_reload_conf();');
  await setPassword(ops, db, PASSWORD);
});

/** What the shell script left behind: everybody is let in, and it is in force. */
async function openToEverybody(): Promise<void> {
  await inServer(`sed -i 's/host all all all scram-sha-256/host all all all trust/' "$PGDATA/pg_hba.conf"`);
  await sql('SELECT pg_reload_conf();');
  while ((await asked()) !== 'trust') await ops.clock.sleep(20);
}

const needsPerson = { kind: 'needs-person', exitCode: 6 };

describe('a server as the official image makes it', () => {
  it('is proved closed without a change', async () => {
    const before = await inServer('stat -c %i:%y "$PGDATA/pg_hba.conf"');
    expect(await restoreHba(ops, db, outside)).toMatchObject({ asked: 'scram', done: 'nothing', endedSessions: 0 });
    expect(await inServer('stat -c %i:%y "$PGDATA/pg_hba.conf"')).toBe(before);
  });

  it('tells a wrong password from other failures', async () => {
    expect(await logIn(PASSWORD)).toBe('yes');
    expect(await logIn('wrong')).toBe('wrong-password');
    const nowhere = { ...db, name: 'nowhere' };
    const from = { container: client, host: 'postgres' };
    expect(await canLogIn(ops, nowhere, from, PASSWORD)).toEqual({ error: expect.stringContaining('nowhere') });
    expect(await canLogIn(ops, db, { ...from, host: 'no-such-host' }, PASSWORD)).toEqual({
      error: expect.stringContaining('no-such-host'),
    });
    expect(await canLogIn(ops, { ...db, user: 'nobody' }, from, PASSWORD)).toBe('wrong-password');
    // Also with the server as its own client, over its own address.
    const itself = { container: db.container.id, host: Object.values(db.container.addresses)[0] as string };
    expect(await canLogIn(ops, db, itself, PASSWORD)).toBe('yes');
    expect(await canLogIn(ops, db, itself, 'wrong')).toBe('wrong-password');
    expect(await docker('exec', client, 'find', '/dev/shm', '-type', 'f')).toBe('');
  });

  it('sets passwords of all kinds without the server seeing them', async () => {
    await sql("ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf();".replace(';', ';\n'));
    for (const password of ['it\'s $HOME `id` "q" \\ :', 'пароль 鲸落 ﬁ', ' leading and trailing ']) {
      await setPassword(ops, db, password);
      expect(await logIn(password)).toBe('yes');
      expect((await run(ops, read(['docker', 'logs', db.container.id]))).stderr).not.toContain(password);
    }
    await sql('ALTER SYSTEM RESET log_statement;');
  });
});

describe('the legacy of the shell script', () => {
  it('is repaired and proved, and sessions that came in are ended', async () => {
    await openToEverybody();
    expect(await logIn('anything')).toBe('yes');
    const sessions = [sleeper(), sleeper()];
    await untilSessions(2);
    const stat = await inServer('stat -c "%a %u:%g" "$PGDATA/pg_hba.conf"');
    const before = await hbaText();
    await inServer('umask 777; echo half > "$PGDATA/pg_hba.conf.whalefall-ops"'); // the container was killed

    const proof = await restoreHba(ops, db, outside);
    expect(proof).toMatchObject({ asked: 'scram', done: 'rewritten', method: 'scram-sha-256', endedSessions: 2 });
    for (const stderr of await Promise.all(sessions)) expect(stderr).toContain('terminat');

    expect(await asked()).toBe('scram');
    expect(await logIn('anything')).toBe('wrong-password');
    expect(await logIn(PASSWORD)).toBe('yes');
    expect(await hbaText()).toBe(before.replace('host all all all trust', 'host all all all scram-sha-256'));
    expect(await inServer('stat -c "%a %u:%g" "$PGDATA/pg_hba.conf"')).toBe(stat);
    expect(await inServer(`cat ${proof.copies[0]}`)).toBe(before);
    expect(await inServer('ls "$PGDATA" | grep -c whalefall || true')).toBe('0');
  });

  it('is noticed where the runbook’s own repair changed the file but never reloaded', async () => {
    await openToEverybody();
    const repair = await run(
      ops,
      exec('change', db.container.id, [
        'sh',
        '-lc',
        `sed -i 's/host all all all trust/host all all all scram-sha-256/' "$PGDATA/pg_hba.conf" && psql -U postgres -c 'SELECT pg_reload_conf();'`,
      ]),
      [0, 1, 2],
    );
    expect(repair.exitCode).toBe(2); // role "postgres" does not exist
    expect((await inspectHba(ops, db)).remoteTrust).toEqual([]);

    await expect(proveHba(ops, db, outside)).rejects.toMatchObject({
      ...needsPerson,
      what: { en: expect.stringMatching(/^DATABASE IS OPEN WITHOUT PASSWORD/) },
    });
    const text = await hbaText();
    expect(await restoreHba(ops, db, outside)).toMatchObject({ asked: 'scram', done: 'reloaded' });
    expect(await hbaText()).toBe(text);
    expect(await logIn('anything')).toBe('wrong-password');
  });

  itInFull('gets md5 where the stored passwords are md5', async () => {
    await sql(`SET password_encryption = 'md5';\nALTER ROLE ${USER} PASSWORD '${PASSWORD.replaceAll("'", "''")}';`);
    await openToEverybody();
    expect(await restoreHba(ops, db, outside)).toMatchObject({ asked: 'md5', done: 'rewritten', method: 'md5' });
    expect(await logIn(PASSWORD)).toBe('yes');
    expect(await logIn('anything')).toBe('wrong-password');
  });

  it('is found in every disguise, and nothing else in the file changes', async () => {
    const lines = [
      'host\tall\tall\t0.0.0.0/0\ttrust # \\',
      ' swallowed by the comment above',
      'host "all" all, "x y" 10.0.0.0 255.0.0.0 "trust"',
      'hostnossl all all samenet trust',
      'host all all samehost trust#no space',
      'host replication all .example.com tru\\',
      'st',
      'host all all 127.0.0.0/8 trust',
      'local all all trust',
      '# 注释 \\xff host all all all trust',
      'host all trust all reject',
      'host all all all \\',
      '   trust',
    ];
    await inServer(`printf '%s\\r\\n' ${lines.map((l) => `'${l}'`).join(' ')} > /tmp/new; printf '\\377\\376 #' | sed 's/^/#/' >> /tmp/new
      cat /tmp/new > "$PGDATA/pg_hba.conf"`);
    expect((await inspectHba(ops, db)).errors).toEqual([]);
    await sql('SELECT pg_reload_conf();');
    const found = await inspectHba(ops, db);
    expect(found.remoteTrust.map((r) => r.line)).toEqual([1, 3, 4, 5, 6, 12]);

    const proof = await restoreHba(ops, db, outside);
    expect(proof.rewritten).toHaveLength(6);
    const now = await inspectHba(ops, db);
    expect(now.remoteTrust).toEqual([]);
    expect(now.rules).toHaveLength(found.rules.length);
    const copy = await inServer(`base64 -w0 ${proof.copies[0]}`);
    const after = await inServer('base64 -w0 "$PGDATA/pg_hba.conf"');
    const decode = (text: string) => Buffer.from(text, 'base64').toString('latin1');
    expect(decode(after).replaceAll('scram-sha-256', 'trust')).toBe(
      decode(copy).replace('tru\\\r\nst', 'trust\\\r\n').replace('"trust"', 'trust'),
    );
  });
});

describe('a file that the server cannot use', () => {
  it('is refused with its errors while the server still asks for passwords', async () => {
    await inServer('echo "host all all nonsense" >> "$PGDATA/pg_hba.conf"');
    const text = await hbaText();
    await expect(restoreHba(ops, db, outside)).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringContaining('end-of-line') },
    });
    expect(await hbaText()).toBe(text);
  });

  it('is exit 6 in capitals when the server is open', async () => {
    await openToEverybody();
    await inServer('echo "host all all nonsense" >> "$PGDATA/pg_hba.conf"');
    await expect(restoreHba(ops, db, outside)).rejects.toMatchObject({
      ...needsPerson,
      what: { en: expect.stringMatching(/^DATABASE IS OPEN WITHOUT PASSWORD/), zh: expect.stringContaining('数据库') },
    });
  });

  itInFull('is made readable again when it belongs to root', async () => {
    await openToEverybody();
    await inServer('chown root:root "$PGDATA/pg_hba.conf"; chmod 600 "$PGDATA/pg_hba.conf"');
    expect(await inspectHba(ops, db)).toMatchObject({ unreadable: true });
    await expect(proveHba(ops, db, outside)).rejects.toMatchObject(needsPerson);
    expect(await restoreHba(ops, db, outside)).toMatchObject({ asked: 'scram', done: 'rewritten' });
    expect(await logIn('anything')).toBe('wrong-password');
  });
});

itInFull('leaves a file alone that is mounted by itself, and says what to do', async () => {
  const host = path.join(dir, 'pg_hba.conf');
  const name = `${PREFIX}-mounted`;
  writeFileSync(host, 'local all all trust\nhost all all all trust\n', { mode: 0o644 });
  const owner = await ask(ops, read(['docker', 'exec', db.container.id, 'id', '-u', 'postgres']));
  chownSync(host, Number(owner), Number(owner));
  const image = db.container.imageId;
  await docker(
    'run',
    '-d',
    '--name',
    name,
    '--network',
    PREFIX,
    '--network-alias',
    'mounted',
    '-p',
    '127.0.0.1::5432',
    '-v',
    `${host}:/etc/pg_hba.conf`,
    '-e',
    `POSTGRES_USER=${USER}`,
    '-e',
    `POSTGRES_PASSWORD=${PASSWORD}`,
    '-e',
    'POSTGRES_DB=appdb',
    image,
    'postgres',
    '-c',
    'hba_file=/etc/pg_hba.conf',
  );
  try {
    const [raw] = JSON.parse(await docker('inspect', name));
    const port = Number(raw.NetworkSettings.Ports['5432/tcp'][0].HostPort);
    const mounted: Database = {
      ...db,
      container: {
        ...db.container,
        id: raw.Id,
        name,
        addresses: { [PREFIX]: raw.NetworkSettings.Networks[PREFIX].IPAddress },
      },
    };
    await waitForPostgres(ops, mounted, 60_000);
    const error = await restoreHba(ops, mounted, {
      address: { host: '127.0.0.1', port },
      clientContainer: client,
    }).catch((e: unknown) => e);
    expect(error).toMatchObject({ ...needsPerson, what: { en: expect.stringContaining('mounted') } });
    expect(await docker('exec', raw.Id, 'cat', '/etc/pg_hba.conf')).toContain('host all all all trust');
  } finally {
    await docker('rm', '-f', '-v', name);
  }
});

it('gives up at once when the server’s container ends', async () => {
  const name = `${PREFIX}-dead`;
  const image = db.container.imageId;
  await docker(
    'run',
    '-d',
    '--name',
    name,
    '-e',
    'POSTGRES_USER=x',
    '-e',
    'POSTGRES_PASSWORD=y',
    image,
    'postgres',
    '--no-such-option',
  );
  try {
    const dead: Database = { ...db, container: { ...db.container, id: name, name } };
    const started = performance.now();
    await expect(waitForPostgres(ops, dead, 60_000)).rejects.toMatchObject({
      kind: 'command',
      next: [{ en: expect.stringContaining('no-such-option') }],
    });
    expect(performance.now() - started).toBeLessThan(30_000);
  } finally {
    await docker('rm', '-f', '-v', name);
  }
});
