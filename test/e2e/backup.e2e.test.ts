import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OpsError } from '../../lib/core/errors.ts';
import type { Ops } from '../../lib/core/ops.ts';
import { ask, change, read, run } from '../../lib/core/run.ts';
import { same } from '../../lib/core/text.ts';
import { backupPg } from '../../lib/domain/backup/backup.ts';
import { type DatabaseManifest, readManifest, type Stored, writeManifest } from '../../lib/domain/backup/manifest.ts';
import {
  isSafeToDelete,
  proveAbsent,
  proveNothingToLose,
  type VerifiedBackup,
  verifyBackup,
} from '../../lib/domain/backup/proofs.ts';
import { archiveVolume, restoreVolumeData } from '../../lib/domain/backup/volume-archive.ts';
import { restoreDatabase } from '../../lib/domain/data/restore.ts';
import { rowChanges } from '../../lib/domain/restoration/losses.ts';
import { inspectContainer } from '../../lib/tools/docker/containers.ts';
import { findVolume } from '../../lib/tools/docker/same-volume.ts';
import { digest } from '../../lib/tools/files/durable.ts';
import { type Database, execute, identifier, literal, query } from '../../lib/tools/postgres/psql.ts';
import { countRows } from '../../lib/tools/postgres/row-counts.ts';
import { startThrowaway, type Throwaway } from '../../lib/tools/postgres/throwaway.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { ownName } from '../sandbox/sandbox.ts';
import { EQUAL_COPIES } from '../support/equal-copies.ts';
import { realOps } from '../support/real-ops.ts';
import { itInFull, some } from './thorough.ts';

const PREFIX = ownName(`wfops-backup-${process.pid}`);
const USER = 'whalefall_user';
const NAME = `鲸 'n "fall"=\\x`;
const ROLE = `rôle "x'y" 鲸`;
const PASSWORD = `p'a"$s\\w%40 密`;
const tmp = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-e2e-'));
const mounted: string[] = [];

let image: string;
let ops: Ops;
let db: Database;

const docker = (...argv: string[]) => ask(ops, change(['docker', ...argv], { deadlineMs: 120_000 }));

async function startServer(name: string): Promise<Database> {
  const env = { POSTGRES_USER: USER, POSTGRES_PASSWORD: 'prod-pw', POSTGRES_DB: 'whalefall' };
  const flags = Object.keys(env).flatMap((key) => ['-e', key]);
  const mount = `${name}-data:/var/lib/postgresql/data`;
  const id = await ask(ops, change(['docker', 'run', '-d', '--name', name, '-v', mount, ...flags, image], { env }));
  return running(id, `${name}-data`);
}

async function running(id: string, volume: string): Promise<Database> {
  const ready = read(['docker', 'exec', id, 'pg_isready', '-q', '-h', '127.0.0.1']);
  while ((await run(ops, ready, [0, 1, 2, 3])).exitCode !== 0) await ops.clock.sleep(200);
  const identity = await findVolume(ops, volume);
  if (!identity) throw new Error(`no volume ${volume}`);
  return { container: await inspectContainer(ops, id), user: USER, name: 'whalefall', volume: identity };
}

async function removeServer(name: string): Promise<void> {
  await run(ops, change(['docker', 'rm', '-f', '-v', name]), [0, 1]);
  await run(ops, change(['docker', 'volume', 'rm', '-f', `${name}-data`]), [0, 1]);
}

const NASTY = `
CREATE ROLE ${identifier(ROLE)} LOGIN PASSWORD ${literal(PASSWORD)} VALID UNTIL '2030-01-01';
ALTER ROLE ${identifier(ROLE)} SET search_path = 'a b', public;
CREATE ROLE readers; GRANT readers TO ${identifier(ROLE)};
ALTER DATABASE ${identifier(NAME)} SET search_path = "$user", public, ${identifier('s"ch\'e\nm a')};
ALTER DATABASE ${identifier(NAME)} SET statement_timeout = '5min';
ALTER ROLE ${identifier(ROLE)} IN DATABASE ${identifier(NAME)} SET work_mem = '8MB';
COMMENT ON DATABASE ${identifier(NAME)} IS ${literal(`it's \\ "the" 鲸`)};
REVOKE CONNECT ON DATABASE ${identifier(NAME)} FROM PUBLIC; GRANT CONNECT ON DATABASE ${identifier(NAME)} TO readers WITH GRANT OPTION;
CREATE SCHEMA ${identifier('s"ch\'e\nm a')} AUTHORIZATION ${identifier(ROLE)};
CREATE TABLE ${identifier('s"ch\'e\nm a')}.${identifier('t"a\'b\n鲸 %I %s :x')} (${identifier('c"o\'l\n%I')} text, "B" int, "a" money);
INSERT INTO ${identifier('s"ch\'e\nm a')}.${identifier('t"a\'b\n鲸 %I %s :x')} VALUES (${literal('v\'a"l\n\\鲸')}, 1, 12.34), (NULL, NULL, NULL);
GRANT SELECT ON ${identifier('s"ch\'e\nm a')}.${identifier('t"a\'b\n鲸 %I %s :x')} TO readers;
CREATE TABLE kinds (id int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT -7 MINVALUE -1000 MAXVALUE 1000) PRIMARY KEY, f float8, n numeric, t timestamptz, d date, i interval,
  b bytea, j json, jb jsonb, a text[], x xml, r regclass, g int GENERATED ALWAYS AS (length(b)) STORED);
INSERT INTO kinds (f, n, t, d, i, b, j, jb, a, r) VALUES
  ('NaN', 'NaN', 'infinity', '-infinity', '1 mon -3 days', '\\x00ff', '{"a" : 1,\n"a":2}', '{"z":1,"a":[1.0]}', ARRAY['x', NULL, '"'], 'kinds'),
  (0.1 + 0.2, 1e-30, now(), now(), '0', '', '[]', 'null', '{}', 'pg_class'), (-0.0, 0, '0001-01-01 BC', now(), NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE parted (id bigserial, day date) PARTITION BY RANGE (day);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE parted_2 (day date, id bigint NOT NULL); ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON parted (day);
INSERT INTO parted (day) SELECT date '2025-06-01' + g FROM generate_series(0, 499) g;
CREATE TABLE parent (a int); CREATE TABLE child (z int) INHERITS (parent); ALTER TABLE parent ADD COLUMN m int;
INSERT INTO parent VALUES (1, 2); INSERT INTO child VALUES (3, 4, 5);
CREATE SEQUENCE never_called; CREATE SEQUENCE moved; SELECT setval('moved', 41), nextval('moved');
CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES;
CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS one; CREATE TEMP TABLE gone AS SELECT 1;
CREATE VIEW v AS SELECT count(*) FROM kinds; CREATE MATERIALIZED VIEW mv AS SELECT * FROM parent;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER tr BEFORE INSERT ON parted FOR EACH ROW EXECUTE FUNCTION f();
ALTER TABLE kinds ENABLE ROW LEVEL SECURITY; ALTER TABLE kinds FORCE ROW LEVEL SECURITY;
SELECT lo_from_bytea(4242, '\\x00112233'), lo_put(4242, 100000, '\\x44');
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('20251219161048');
DO $$ BEGIN IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN CREATE EXTENSION pg_trgm; END IF; END $$;
CREATE TABLE payload AS SELECT g AS id, sha512(g::text::bytea) AS a, sha512((g + 1)::text::bytea) AS b FROM generate_series(1, 120000) g;
`;

beforeAll(async () => {
  ops = realOps(tmp);
  image = (await ensureBaseImages()).postgres;
  const server = await startServer(PREFIX);
  await execute(ops, server, `CREATE DATABASE ${identifier(NAME)};`);
  db = { ...server, name: NAME };
  await execute(ops, db, NASTY);
});

afterEach(async () => {
  // Whatever a test did: nothing unfinished and no throwaway may be left, and no session of ours.
  expect(readdirSync(ops.paths.backups).filter((n) => n.endsWith('.partial'))).toEqual([]);
  expect(await docker('ps', '-aq', '--filter', `label=whalefall-ops.state=${ops.paths.state}`)).toBe('');
});

afterAll(async () => {
  for (const dir of mounted) await run(ops, change(['umount', '-l', dir]), [0, 32]);
  for (const name of [PREFIX, `${PREFIX}-fresh`, `${PREFIX}-cold`, `${PREFIX}-killed`]) await removeServer(name);
  rmSync(tmp, { recursive: true, force: true });
});

const sessions = () =>
  query<string>(
    ops,
    db,
    "SELECT to_jsonb(application_name) FROM pg_stat_activity WHERE application_name LIKE 'whalefall-ops%'",
  );

/** A person's session, until it is ended. */
const session = (sql: string) =>
  run(
    ops,
    read(
      [
        ...['docker', 'exec', db.container.id, 'psql', '-q', '-o', '/dev/null', '-U', USER],
        ...['-d', `dbname='${NAME.replace(/['\\]/g, '\\$&')}'`, '-c', sql],
      ],
      { deadlineMs: 60_000 },
    ),
    [0, 1, 2],
  );

describe('a backup', () => {
  let backup: VerifiedBackup;

  it('of names, types and objects that bite is restored and compared', async () => {
    backup = await backupPg(ops, db, { reason: 'manual', commit: 'abc' });
    expect(isSafeToDelete(backup)).toBe(true);
    const { manifest, dir } = backup;
    expect(readManifest(dir)).toEqual(manifest);
    expect(manifest.verification.level).toBe('restored');
    expect(manifest.contents.alembic).toBe('20251219161048');
    expect(manifest.contents.largeObjects.count).toBe(1);
    expect(manifest.contents.tables.find((t) => t.name === 't"a\'b\n鲸 %I %s :x')).toMatchObject({ rows: 2 });
    expect(manifest.contents.tables.map((t) => t.name)).toContain('parted_2');
    expect(manifest.contents.tables.map((t) => t.name)).not.toContain('gone');
    expect(manifest.contents.sequences).toContainEqual({
      schema: 'public',
      name: 'moved',
      lastValue: '42',
      isCalled: true,
    });
    expect(readdirSync(dir).sort()).toEqual(['database.dump', 'globals.sql', 'manifest.json']);
    for (const file of readdirSync(dir)) expect(statSync(path.join(dir, file)).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    // What a restore would change is counted as the backup counted.
    const unchanged = same('as many');
    const changes = rowChanges((await countRows(ops, db)) ?? [], manifest.contents.tables, unchanged);
    expect(changes.map(([, text]) => text)).toEqual([unchanged]);
    expect(await sessions()).toEqual([]);
    await backup.check(ops);
  });

  itInFull('is not refused for what a restored copy only says in another way', async () => {
    await execute(ops, { ...db, name: 'whalefall' }, 'CREATE ROLE writers; CREATE DATABASE equal;');
    const equal = { ...db, name: 'equal' };
    await execute(ops, equal, ['CREATE SCHEMA app', ...EQUAL_COPIES.map(([, sql]) => sql)].join(';\n'));
    const { dir, manifest } = await backupPg(ops, equal, { reason: 'manual' });
    expect(manifest.verification.level).toBe('restored');
    rmSync(dir, { recursive: true });
    await execute(ops, { ...db, name: 'whalefall' }, 'DROP DATABASE equal; DROP ROLE writers;');
  });

  itInFull('vouches for the volume only if it holds all that is in there', async () => {
    await execute(ops, { ...db, name: 'whalefall' }, 'CREATE TABLE mine ();');
    const partly = await backupPg(ops, db, { reason: 'manual' });
    expect(partly.leavesOut).toEqual(['whalefall']);
    await expect(partly.check(ops)).rejects.toMatchObject({ kind: 'precondition' });
    await execute(ops, { ...db, name: 'whalefall' }, 'DROP TABLE mine;');
    rmSync(partly.dir, { recursive: true });
  });

  it('is valid while the application draws numbers from sequences', async () => {
    // One session, not a new one each time: that would take the processor away from what is looked at.
    const drawing = session("SELECT nextval('moved'), pg_sleep(0.01) FROM generate_series(1, 100000)");
    const hot = await backupPg(ops, db, { reason: 'manual' });
    await execute(
      ops,
      db,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT nextval%';",
    );
    expect((await drawing).exitCode).not.toBe(0);
    expect(hot.manifest.contents.sequences.find((s) => s.name === 'moved')?.upTo).toBeDefined();
    rmSync(hot.dir, { recursive: true });
  });

  it('goes back over changed data, keeps what was there, and ends the sessions in the way', async () => {
    await execute(ops, db, 'DELETE FROM kinds; DROP TABLE payload; INSERT INTO parent VALUES (9, 9);');
    const sleeper = session('SELECT pg_sleep(100)');
    const { before } = await restoreDatabase(ops, db, backup);
    expect((await sleeper).exitCode).not.toBe(0);
    const count =
      "SELECT json_build_object('kinds', (SELECT count(*) FROM kinds), 'parent', (SELECT count(*) FROM parent))";
    expect(await query(ops, db, count)).toEqual([{ kinds: 3, parent: 2 }]);
    expect(await query(ops, db, count, { database: before as string })).toEqual([{ kinds: 0, parent: 3 }]);
    const names = await query<string>(ops, db, 'SELECT to_jsonb(datname) FROM pg_database WHERE NOT datistemplate');
    expect(names.sort()).toEqual(['postgres', 'whalefall', NAME, before].sort());
    await execute(ops, { ...db, name: 'postgres' }, `DROP DATABASE ${identifier(before as string)};`);
  });

  it('goes into a fresh cluster with its roles, and drops the empty database that was in the way', async () => {
    const fresh = await startServer(`${PREFIX}-fresh`);
    await execute(ops, fresh, `CREATE DATABASE ${identifier(NAME)};`);
    const there = { ...fresh, name: NAME };
    expect(await restoreDatabase(ops, there, backup, { roles: 'saved' })).toEqual({ before: null });
    const roles = `SELECT json_build_object('name', rolname, 'password', rolpassword) FROM pg_authid WHERE rolname = ${literal(ROLE)}`;
    expect(await query(ops, there, roles)).toEqual(await query(ops, db, roles));
    const own = `SELECT to_jsonb(rolpassword) FROM pg_authid WHERE rolname = '${USER}'`;
    expect(await query(ops, there, own)).not.toEqual(await query(ops, db, own)); // .env's, not the backup's
    await removeServer(`${PREFIX}-fresh`);
  });

  it('does not go to another database or an older server', async () => {
    await expect(restoreDatabase(ops, { ...db, name: 'whalefall' }, backup)).rejects.toMatchObject({
      kind: 'precondition',
    });
    const newer = { ...backup.manifest, server: { ...backup.manifest.server, versionNumber: 990000 } };
    await expect(restoreDatabase(ops, db, { dir: backup.dir, manifest: newer })).rejects.toMatchObject({
      kind: 'precondition',
    });
  });

  it('keeps the old database when the restore fails half-way', async () => {
    const copy = copyOf(backup);
    truncate(path.join(copy.dir, 'database.dump'), 0.7);
    const forged = await withNewChecksums(copy);
    await expect(restoreDatabase(ops, db, forged)).rejects.toMatchObject({
      state: { en: expect.stringContaining('removed') },
    });
    const names = await query<string>(
      ops,
      db,
      "SELECT to_jsonb(datname) FROM pg_database WHERE datname LIKE '%restoring%'",
    );
    expect(names).toEqual([]);
    await query(ops, db, 'SELECT to_jsonb(1)');
  });

  it('proves nothing any more when its file has changed, or when it is old', async () => {
    const file = path.join(backup.dir, 'database.dump');
    const undo = flip(file, 5000);
    await expect(backup.check(ops)).rejects.toMatchObject({ kind: 'precondition' });
    undo();
    await backup.check(ops);
    const later = { ...ops, clock: { ...ops.clock, monotonic: () => performance.now() + 3_700_000 } };
    await expect(backup.check(later)).rejects.toMatchObject({ kind: 'precondition' });
  });

  it('still proves when the server was stopped and started: that changes what the engine calls the time of creation', async () => {
    await docker('stop', PREFIX);
    await backup.check(ops);
    await docker('start', PREFIX);
    await running(db.container.id, db.volume.name);
    const stolen = Object.assign(Object.create(Object.getPrototypeOf(backup)), backup);
    expect(isSafeToDelete(stolen)).toBe(false); // the brand is in no property that could be copied
  });

  describe('that is damaged', () => {
    let throwaway: Throwaway;
    const tried = (stored: Stored<DatabaseManifest>) =>
      verifyBackup(ops, stored, throwaway, { holder: db.container.id, finalDir: stored.dir });

    const fresh = async <T>(use: () => Promise<T>): Promise<T> => {
      throwaway = await startThrowaway(ops, { imageId: db.container.imageId, databaseSize: 50_000_000 });
      try {
        return await use();
      } finally {
        await throwaway.remove();
      }
    };

    itInFull('is found at the checksum, wherever the damage is', async () => {
      await fresh(async () => {
        for (let n = 0; n < 40; n += 1) {
          const copy = copyOf(backup);
          const name = readdirSync(copy.dir)[n % 3] as string;
          const file = path.join(copy.dir, name);
          if (n % 2) flip(file, Math.floor(Math.random() * statSync(file).size));
          else truncate(file, Math.random());
          const read = async () => tried({ dir: copy.dir, manifest: readManifest(copy.dir) as DatabaseManifest });
          await expect(read(), `${name} ${n}`).rejects.toMatchObject({ kind: 'precondition' });
        }
      });
    });

    itInFull('is found by the restore even when the checksums were made to fit', async () => {
      for (const share of [0.1, 0.5, 0.9, 0.9999]) {
        const copy = copyOf(backup);
        truncate(path.join(copy.dir, 'database.dump'), share);
        const forged = await withNewChecksums(copy);
        await fresh(() => expect(tried(forged), String(share)).rejects.toMatchObject({ name: 'OpsError' }));
      }
    });

    it('is found when it is a good dump of something else', async () => {
      const copy = copyOf(backup);
      const { contents } = copy.manifest;
      const tables = contents.tables.map((t) => (t.name === 'parent' ? { ...t, rows: t.rows + 1 } : t));
      const manifest = { ...copy.manifest, contents: { ...contents, tables } };
      await fresh(() =>
        expect(tried({ dir: copy.dir, manifest })).rejects.toMatchObject({
          what: { en: expect.stringContaining('table public.parent: 2 → 1') },
        }),
      );
    });

    it('is found when another backup was put in its place', async () => {
      const elsewhere = path.join(tmp, 'elsewhere', '20200101T000000Z-other');
      cpSync(backup.dir, elsewhere, { recursive: true });
      expect(() => readManifest(elsewhere)).toThrow(/belongs to/);
    });
  });
});

describe('a cluster that is set up unlike others', () => {
  // Each would stop a session, its dump, or the trial; all at once.
  const SETTINGS = `
ALTER DATABASE odd SET default_transaction_read_only = on; ALTER DATABASE odd SET statement_timeout = 1;
ALTER DATABASE odd SET session_preload_libraries = 'not_there'; ALTER ROLE ${USER} IN DATABASE odd SET role = 'none';
ALTER DATABASE odd SET search_path = nowhere; ALTER DATABASE odd CONNECTION LIMIT 0;`;
  const late = () =>
    query(
      ops,
      { ...db, name: 'postgres' },
      `SELECT jsonb_build_array(datconnlimit, array_length(setconfig, 1))
      FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0 WHERE datname = 'odd'`,
    );
  let odd: Database;
  let server: Database;
  let backup: VerifiedBackup;

  beforeAll(async () => {
    server = { ...db, name: 'postgres' };
    odd = { ...db, name: 'odd' };
    await docker('exec', db.container.id, 'sh', '-c', 'mkdir -p /fast && chown postgres /fast');
    await execute(ops, server, "CREATE TABLESPACE fast LOCATION '/fast';");
    await execute(ops, server, 'CREATE DATABASE odd TABLESPACE fast;');
    await execute(
      ops,
      odd,
      'CREATE TABLE base AS SELECT generate_series(1, 50) AS a; CREATE TABLE apart (a int) TABLESPACE pg_default;',
    );
    await execute(
      ops,
      server,
      "CREATE ROLE owner NOLOGIN; CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss-pw'; CREATE ROLE app LOGIN PASSWORD 'old-pw'; GRANT readers TO app;",
    );
    await execute(ops, odd, 'ALTER TABLE base OWNER TO owner; GRANT SELECT ON base TO app;');
    await execute(ops, server, SETTINGS);
    backup = await backupPg(ops, odd, { reason: 'manual' });
  });

  itInFull('is backed up and restored, its settings, limit and tablespace too', async () => {
    const before = await late();
    expect(backup.manifest.database).toMatchObject({ connectionLimit: 0, tablespace: 'fast' });
    expect(backup.manifest.roles).toEqual(expect.arrayContaining(['app', 'owner']));
    const { before: kept } = await restoreDatabase(ops, odd, backup);
    expect(await late()).toEqual(before);
    const where =
      "SELECT to_jsonb(spcname) FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE datname = 'odd'";
    expect(await query(ops, server, where)).toEqual(['fast']);
    await execute(ops, server, `DROP DATABASE ${identifier(kept as string)};`);
  });

  itInFull('gives nobody back what was taken away since, unless that is asked for', async () => {
    await execute(ops, odd, 'REASSIGN OWNED BY owner TO boss; REASSIGN OWNED BY boss TO current_user;');
    await execute(ops, server, "DROP ROLE owner, boss; REVOKE readers FROM app; ALTER ROLE app PASSWORD 'new-pw';");
    const roles = `SELECT jsonb_build_array(rolname, rolsuper, rolcanlogin, rolpassword IS NOT NULL,
      (SELECT count(*) FROM pg_auth_members m WHERE m.member = a.oid)) FROM pg_authid a
      WHERE rolname IN ('app', 'boss', 'owner') ORDER BY rolname`;
    const password = "SELECT to_jsonb(rolpassword) FROM pg_authid WHERE rolname = 'app'";
    const present = await query(ops, server, password);
    const first = await restoreDatabase(ops, odd, backup);
    const bare = [
      ['app', false, true, true, 0],
      ['owner', false, false, false, 0],
    ];
    expect(await query(ops, server, roles)).toEqual(bare);
    const second = await restoreDatabase(ops, odd, backup, { roles: 'saved' });
    expect(await query(ops, server, roles)).toEqual([
      ['app', false, true, true, 1],
      ['boss', true, true, true, 0],
      ['owner', false, false, false, 0],
    ]);
    expect(await query(ops, server, password)).toEqual(present);
    for (const { before } of [first, second])
      await execute(ops, server, `DROP DATABASE ${identifier(before as string)};`);
    rmSync(backup.dir, { recursive: true });
  });

  itInFull('goes into a server without the tablespace, all of it into the default one', async () => {
    const again = await backupPg(ops, odd, { reason: 'manual' });
    const fresh = await startServer(`${PREFIX}-fresh`);
    const there = { ...fresh, name: 'odd' };
    const warned: string[] = [];
    const screen = { ...ops.screen, show: (e: { text?: { en: string } }) => void warned.push(e.text?.en ?? '') };
    await restoreDatabase({ ...ops, screen: screen as unknown as Ops['screen'] }, { ...there, name: 'odd' }, again, {
      roles: 'saved',
    });
    expect(warned.join()).toContain('no tablespace fast');
    expect(await query(ops, there, 'SELECT to_jsonb(count(*)) FROM public.base')).toEqual([50]);
    await removeServer(`${PREFIX}-fresh`);
    rmSync(again.dir, { recursive: true });
  });

  itInFull.each([
    [
      'a function without a search path',
      `CREATE TABLE other (x int); CREATE FUNCTION rule(t text) RETURNS bool LANGUAGE sql AS 'SELECT count(*) >= 0 FROM other';
       CREATE TABLE checked (a text CHECK (rule(a))); INSERT INTO checked VALUES ('SENTINEL-row');`,
      /relation "other" does not exist[\s\S]*in function "rule"[\s\S]*TABLE DATA checked/,
      /ALTER FUNCTION "rule" SET search_path/,
    ],
    [
      'a rule that its own rows break',
      `CREATE TABLE target (i int PRIMARY KEY); CREATE TABLE source (i text); INSERT INTO source VALUES ('SENTINEL-row');
       CREATE FUNCTION fits(t text) RETURNS bool LANGUAGE sql AS 'SELECT true'; ALTER TABLE source ADD CHECK (public.fits(i));
       CREATE OR REPLACE FUNCTION fits(t text) RETURNS bool LANGUAGE sql AS 'SELECT false';`,
      /violates check constraint "source_i_check"[\s\S]*TABLE DATA source/,
      /The rows break a rule/,
    ],
  ])('is told, without its rows, what of it can not be restored: %s', async (_what, sql, what, next) => {
    await execute(ops, server, 'DROP DATABASE IF EXISTS wrong WITH (FORCE); CREATE DATABASE wrong;');
    await execute(ops, { ...db, name: 'wrong' }, sql);
    const error = await backupPg(ops, { ...db, name: 'wrong' }, { reason: 'manual' }).catch((e: unknown) => e);
    if (!(error instanceof OpsError)) throw new Error('it was backed up');
    expect(error.what.en).toMatch(what);
    const said = JSON.stringify([error.what, error.next]);
    expect(error.next.map((n) => n.en).join()).toMatch(next);
    expect(said).not.toContain('SENTINEL');
    expect(said).not.toContain('docker compose'); // production's log knows nothing of it
    await execute(ops, server, 'DROP DATABASE wrong;');
  });
});

describe('what leaves no backup behind', () => {
  const finals = () => readdirSync(ops.paths.backups).sort();

  itInFull('a disk that gets full, at once or slowly', async () => {
    for (const size of ['3m', '8m']) {
      const small = realOps(path.join(tmp, `small-${size}`));
      await run(ops, change(['mount', '-t', 'tmpfs', '-o', `size=${size}`, 'wfops-backup', small.paths.backups]));
      mounted.push(small.paths.backups);
      const failing = backupPg(small, db, { reason: 'manual', expectedRatio: -1 });
      await expect(failing, size).rejects.toMatchObject({ what: { en: expect.stringContaining('got full') } });
      expect(readdirSync(small.paths.backups)).toEqual([]);
      await expect(backupPg(small, db, { reason: 'manual' })).rejects.toMatchObject({
        kind: 'precondition',
        what: { en: expect.stringContaining('are needed') },
      });
      await run(ops, change(['umount', small.paths.backups]));
    }
    expect(await sessions()).toEqual([]);
  });

  it('an interruption: also no pg_dump in the server, and no throwaway', async () => {
    const before = finals();
    for (const after of some([100, 400, 700, 1000, 2500], 1)) {
      const stop = new AbortController();
      const stoppable = { ...ops, signal: stop.signal };
      setTimeout(() => stop.abort(new Error('interrupted')), after);
      await expect(backupPg(stoppable, db, { reason: 'manual' }), String(after)).rejects.toThrow('interrupted');
      expect(finals()).toEqual(before);
      expect(await sessions()).toEqual([]);
      expect(await docker('ps', '-aq', '--filter', `label=whalefall-ops.state=${ops.paths.state}`)).toBe('');
    }
  });

  itInFull('a server that dies', async () => {
    const mortal = await startServer(`${PREFIX}-killed`);
    await execute(
      ops,
      mortal,
      'CREATE TABLE big AS SELECT g, sha512(g::text::bytea) FROM generate_series(1, 600000) g;',
    );
    setTimeout(() => void docker('kill', `${PREFIX}-killed`), 900);
    const before = finals();
    await expect(backupPg(ops, mortal, { reason: 'manual' })).rejects.toMatchObject({
      kind: 'command',
      what: { en: expect.stringContaining('No backup could be taken') },
    });
    expect(finals()).toEqual(before);
    await removeServer(`${PREFIX}-killed`);
  });

  itInFull('a table that somebody locks', async () => {
    const locked = execute(ops, db, 'BEGIN; LOCK TABLE kinds; SELECT pg_sleep(8); COMMIT;');
    await ops.clock.sleep(500);
    const backup = await backupPg(ops, db, { reason: 'manual' }); // waits, and comes through
    await locked;
    rmSync(backup.dir, { recursive: true });
  });
});

describe('a volume', () => {
  it('of a running server is not copied', async () => {
    const options = { volume: db.volume, mountPoint: '/var/lib/postgresql/data', reason: 'manual' };
    await expect(archiveVolume(ops, db.container.id, options)).rejects.toMatchObject({ kind: 'precondition' });
  });

  it('of a stopped server is copied, tried, and put back', async () => {
    const options = { volume: db.volume, mountPoint: '/var/lib/postgresql/data', reason: 'manual' };
    const before = await query(ops, db, 'SELECT to_jsonb(count(*)) FROM payload');
    await docker('stop', PREFIX);
    const archive = await archiveVolume(ops, db.container.id, { ...options, database: { user: USER, name: NAME } });
    expect(archive.manifest.verification.level).toBe('started');
    await archive.check(ops);

    const name = `${PREFIX}-cold`;
    const id = await docker('create', '--name', name, '-v', `${name}-data:/var/lib/postgresql/data`, image);
    await restoreVolumeData(ops, id, archive);
    await docker('start', id);
    const cold = { ...(await running(id, `${name}-data`)), name: NAME };
    expect(await query(ops, cold, 'SELECT to_jsonb(count(*)) FROM payload')).toEqual(before);
    await expect(restoreVolumeData(ops, id, archive)).rejects.toMatchObject({ kind: 'precondition' });
    await removeServer(name);

    await docker('start', PREFIX);
    await running(db.container.id, db.volume.name);
    rmSync(archive.dir, { recursive: true });
  });

  itInFull('that no server starts on is no archive', async () => {
    const broken = await docker(
      'create',
      '--name',
      `${PREFIX}-cold`,
      '-v',
      `${PREFIX}-cold-data:/var/lib/postgresql/data`,
      image,
    );
    const volume = await findVolume(ops, `${PREFIX}-cold-data`);
    const script = 'cd /var/lib/postgresql/data && echo 15 > PG_VERSION';
    await docker('run', '--rm', '--volumes-from', broken, '--entrypoint', 'sh', image, '-c', script);
    const options = {
      volume: volume as NonNullable<typeof volume>,
      mountPoint: '/var/lib/postgresql/data',
      reason: 'manual',
    };
    const failing = archiveVolume(ops, broken, { ...options, database: { user: USER, name: 'whalefall' } });
    await expect(failing).rejects.toMatchObject({ what: { en: expect.stringContaining('does not start') } });
    await removeServer(`${PREFIX}-cold`);
  });
});

describe('nothing to lose', () => {
  it('is said of a fresh cluster, and only of that', async () => {
    const fresh = await startServer(`${PREFIX}-fresh`);
    const nothing = await proveNothingToLose(ops, fresh);
    await nothing.check(ops);
    await docker('stop', `${PREFIX}-fresh`);
    await nothing.check(ops);
    await docker('start', `${PREFIX}-fresh`);
    await running(fresh.container.id, fresh.volume.name);
    await execute(ops, fresh, 'CREATE TABLE mine ();', { database: 'postgres' });
    await expect(nothing.check(ops)).rejects.toMatchObject({ what: { en: expect.stringContaining('public.mine') } });
    await expect(proveNothingToLose(ops, fresh)).rejects.toMatchObject({ kind: 'precondition' });
    await expect(proveAbsent(ops, fresh.volume.name)).rejects.toMatchObject({ kind: 'precondition' });
    await removeServer(`${PREFIX}-fresh`);
    await expect(nothing.check(ops)).rejects.toMatchObject({ kind: 'precondition' });
    const absent = await proveAbsent(ops, fresh.volume.name);
    await absent.check(ops);
    await docker('volume', 'create', fresh.volume.name);
    await expect(nothing.check(ops)).rejects.toMatchObject({
      what: { en: expect.stringContaining("can't be proved") },
    });
    await expect(absent.check(ops)).rejects.toMatchObject({ kind: 'precondition' });
    await docker('volume', 'rm', fresh.volume.name);
  });

  it('is not said of a server that does not answer', async () => {
    const gone = { ...db, container: { ...db.container, id: 'f'.repeat(64) } };
    await expect(proveNothingToLose(ops, gone)).rejects.toMatchObject({ kind: 'command' });
  });
});

function copyOf(backup: VerifiedBackup): Stored<DatabaseManifest> {
  const dir = path.join(tmp, 'copies', randomBytes(6).toString('hex'), path.basename(backup.dir));
  cpSync(backup.dir, dir, { recursive: true });
  return { dir, manifest: backup.manifest };
}

async function withNewChecksums({ dir, manifest }: Stored<DatabaseManifest>): Promise<Stored<DatabaseManifest>> {
  const dump = { ...manifest.files.dump, ...(await digest(path.join(dir, 'database.dump'))) };
  const forged = { ...manifest, files: { ...manifest.files, dump } };
  return { dir, manifest: await writeManifest(dir, forged) };
}

function truncate(file: string, share: number): void {
  const fd = openSync(file, 'r+');
  ftruncateSync(fd, Math.floor((statSync(file).size - 1) * share));
  closeSync(fd);
}

/** Flips one bit; gives what flips it back. */
function flip(file: string, at: number): () => void {
  const once = () => {
    const fd = openSync(file, 'r+');
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at);
    byte[0] = (byte[0] as number) ^ (1 << (at % 8));
    writeSync(fd, byte, 0, 1, at);
    closeSync(fd);
  };
  once();
  return once;
}
