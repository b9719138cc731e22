import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DatabaseManifest, Stored } from '../../../../lib/domain/backup/manifest.ts';
import { type ClusterNow, roleDifferences, rolesSql } from '../../../../lib/domain/backup/roles.ts';
import { restoreDatabase, suffixed } from '../../../../lib/domain/data/restore.ts';
import { parseGlobals, savedRolesSql, statements } from '../../../../lib/tools/postgres/globals.ts';
import { createDatabaseSql, settingsSql } from '../../../../lib/tools/postgres/load.ts';
import { refuseWithoutServerDisk } from '../../../../lib/tools/postgres/server-disk.ts';
import { swapDatabases } from '../../../../lib/tools/postgres/swap.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';
import { cluster } from '../../tools/postgres/cluster.fake.ts';
import { DB, FACTS, restored, storedBackup } from '../backup/backup.fakes.ts';

const BEFORE = 'whalefall_before_20260102t030405z';
const FULL =
  'pg_restore: error: COPY failed for table "t": ERROR:  could not extend file "base/1/2": No space left on device';
const INCOMING = 'whalefall_restoring_20260102t030405z';

async function withRoles({ dir, manifest }: Stored<DatabaseManifest>, sql: string): Promise<Stored<DatabaseManifest>> {
  const file = path.join(dir, 'globals.sql');
  writeFileSync(file, sql);
  const { digest } = await import('../../../../lib/tools/files/durable.ts');
  const globals = { name: 'globals.sql', ...(await digest(file)) };
  return { dir, manifest: { ...manifest, files: { ...manifest.files, globals } } };
}

describe('a restore', () => {
  it('swaps the names in one transaction and keeps what was there', async () => {
    const there = new Set(['postgres', 'whalefall']);
    const ops = testOps(cluster(there));
    expect(await restoreDatabase(ops, DB, await storedBackup(ops))).toEqual({ before: BEFORE });
    expect([...there].sort()).toEqual(['postgres', 'whalefall', BEFORE]);
    const swap = ops.scripted.calls.find((c) => c.input.includes('RENAME'));
    expect(swap?.argv.at(-1)).toBe('postgres');
    expect(swap?.input).toContain(`BEGIN;
SET LOCAL lock_timeout = '10s';
ALTER DATABASE "whalefall" RENAME TO "${BEFORE}";
ALTER DATABASE "${INCOMING}" RENAME TO "whalefall";
COMMIT;`);
    const restore = ops.scripted.calls.find((c) => c.argv.includes('pg_restore'));
    expect(restore?.argv).toEqual([
      ...'docker exec -i -e PGOPTIONS c0ffee pg_restore -w -e -v --no-subscriptions -U whalefall_user -d'.split(' '),
      INCOMING,
      '--single-transaction',
    ]);
  });

  /** What is done inside with an archive of 8 MB, whose /tmp answers so. */
  async function withLarge(tmp: Reply) {
    const inShell = (c: Call) => (c.argv.includes('sh') ? (c.argv.at(-3)?.includes('df') ? tmp : {}) : undefined);
    const ops = testOps(cluster(new Set(['whalefall']), (c) => inShell(c) ?? (c.argv.includes('rm') ? {} : undefined)));
    const stored = await storedBackup(ops, { databaseBytes: 30_000_000_000 });
    writeFileSync(path.join(stored.dir, 'database.dump'), Buffer.alloc(8_000_001));
    const { digest } = await import('../../../../lib/tools/files/durable.ts');
    const dump = { name: 'database.dump', ...(await digest(path.join(stored.dir, 'database.dump'))) };
    const manifest = { ...stored.manifest, files: { ...stored.manifest.files, dump } };
    await restoreDatabase(ops, DB, { dir: stored.dir, manifest });
    const lines = ops.scripted.calls.map((c) => c.argv.slice(2));
    return { lines, inside: lines.find((l) => l.includes('sh'))?.at(-1) as string };
  }
  const df = (device: string, free: number) => ({
    stdout: `Filesystem 1024-blocks Used Available Capacity Mounted on\n${device} 100000000 1 ${free / 1024} 1% /\n`,
  });
  const RESTORE = `pg_restore -w -e -v --no-subscriptions -U whalefall_user -d ${INCOMING}`;

  it('copies a large archive into the container for two workers, and takes it away again', async () => {
    const { lines, inside } = await withLarge(df('overlay', 35_000_000_000));
    const look = 'umask 077; rm -f /tmp/whalefall-ops-*.dump; : > "$1" && df -P -k "$1"';
    expect(lines).toContainEqual(['c0ffee', 'sh', '-c', look, 'sh', inside]);
    expect(lines).toContainEqual(['-i', 'c0ffee', 'sh', '-c', 'umask 077; cat > "$1"', 'sh', inside]);
    expect(lines).toContainEqual(`-e PGOPTIONS c0ffee ${RESTORE} -j 2 ${inside}`.split(' '));
    expect(lines).toContainEqual(['c0ffee', 'rm', '-f', inside]);
  });

  it.each([
    ['has no room for it and the data', df('overlay', 33_000_000_000)],
    ['is memory', df('tmpfs', 90_000_000_000)],
    ['can not be written to', { exitCode: 2, stderr: 'sh: 1: cannot create /tmp/x: Read-only file system' }],
  ])('streams a large archive where /tmp %s', async (_when, tmp) => {
    const { lines, inside } = await withLarge(tmp);
    expect(lines).toContainEqual(`-i -e PGOPTIONS c0ffee ${RESTORE}`.split(' '));
    expect(lines.filter((l) => l.some((word) => word.includes('cat >')))).toEqual([]);
    expect(lines).toContainEqual(['c0ffee', 'rm', '-f', inside]);
  });

  it('puts aside what no backup from before may seem newer than, though the clock was put back since', async () => {
    const taken = 'whalefall_before_20270102t030405z';
    const there = new Set(['postgres', 'whalefall', taken]);
    const ops = testOps(cluster(there));
    const stored = await storedBackup(ops, { createdAt: '2027-01-02T03:04:05.500Z' });
    expect(await restoreDatabase(ops, DB, stored)).toEqual({ before: 'whalefall_before_20270102t030406z' });
    expect(there).toContain(taken);
  });

  it('has nothing to keep where nothing is', async () => {
    const none = new Set(['postgres']);
    const ops = testOps(cluster(none));
    expect(await restoreDatabase(ops, DB, await storedBackup(ops))).toEqual({ before: null });
    expect([...none].sort()).toEqual(['postgres', 'whalefall']);

    const empty = new Set(['postgres', 'whalefall']);
    const nothing = { stdout: '{"relations":[],"functions":0,"largeObjects":0}\n' };
    const other = testOps(cluster(empty, (c) => (c.input.includes("'relations'") ? nothing : undefined)));
    expect(await restoreDatabase(other, DB, await storedBackup(other))).toEqual({ before: null });
    expect([...empty].sort()).toEqual(['postgres', 'whalefall']);
  });

  it.each<[string, (c: Call) => Reply | undefined, RegExp]>([
    ['the roles fail', (c) => (c.input.includes('CREATE ROLE "a"') ? { exitCode: 3 } : undefined), /exit code 3/],
    [
      'the database can not be created',
      (c) => (c.input.includes('CREATE DATABASE') ? { exitCode: 3 } : undefined),
      /exit code 3/,
    ],
    [
      'pg_restore fails',
      (c) => (c.argv.includes('pg_restore') ? { exitCode: 1, stderr: FULL } : undefined),
      /No space/,
    ],
    [
      'something else comes out',
      (c) => (c.input.includes('hashtextextended') ? { stdout: restored(1) } : undefined),
      /2 → 1/,
    ],
  ])('leaves the old database alone and nothing beside it when %s', async (_when, change, message) => {
    const there = new Set(['postgres', 'whalefall']);
    const ops = testOps(cluster(there, change));
    const stored = await withRoles(await storedBackup(ops), 'CREATE ROLE a;\nGRANT a TO whalefall_user;\n');
    const error = await restoreDatabase(ops, DB, stored).catch((e: Error) => e);
    expect(error).toMatchObject({
      message: expect.stringMatching(message),
      state: { en: 'Database whalefall was not touched. What had been restored beside it was removed.' },
    });
    expect([...there].sort()).toEqual(['postgres', 'whalefall']);
  });

  it('makes the roles whole or not at all: one without its password would be left like that', async () => {
    const ops = testOps(cluster(new Set(['postgres'])));
    const sql = "CREATE ROLE a;\nALTER ROLE a WITH LOGIN PASSWORD 'x';\n";
    await restoreDatabase(ops, DB, await withRoles(await storedBackup(ops), sql), { roles: 'saved' });
    const roles = ops.scripted.calls.find((c) => c.input.includes('CREATE ROLE'));
    expect(roles?.input).toContain(`BEGIN;\n${sql}COMMIT;`);
  });

  it('says what is where when the names can not be swapped', async () => {
    const there = new Set(['postgres', 'whalefall']);
    const ops = testOps(
      cluster(there, (c) => (c.input.includes('RENAME') ? { exitCode: 3, stderr: 'in use' } : undefined)),
    );
    await expect(restoreDatabase(ops, DB, await storedBackup(ops))).rejects.toMatchObject({
      kind: 'command',
      state: { en: `"whalefall" is still the old database, unchanged; the restored one is ready as "${INCOMING}".` },
      next: [{ en: expect.stringContaining(`ALTER DATABASE "${INCOMING}" RENAME TO "whalefall"; COMMIT;`) }],
    });
  });

  it('knows a swap whose answer got lost, and one of which nothing is known', async () => {
    const there = new Set(['postgres', 'whalefall']);
    const model = cluster(there);
    const lost = testOps((c) => {
      const reply = model(c);
      return c.input.includes('RENAME') ? { exitCode: 2, stderr: 'connection lost' } : reply;
    });
    expect(await restoreDatabase(lost, DB, await storedBackup(lost))).toEqual({ before: BEFORE });

    let dead = false;
    const silent = testOps(
      cluster(new Set(['whalefall']), (c) => {
        dead ||= c.input.includes('RENAME');
        return dead ? { exitCode: 2 } : undefined;
      }),
    );
    await expect(restoreDatabase(silent, DB, await storedBackup(silent))).rejects.toMatchObject({
      kind: 'needs-person',
    });
  });

  it('refuses a damaged file, another database, an older server and a full disk before it changes anything', async () => {
    const refused = async (
      change: (c: Call) => Reply | undefined,
      prepare?: (dir: string) => void,
      name = 'whalefall',
    ) => {
      const there = new Set(['postgres', 'whalefall']);
      const ops = testOps(cluster(there, change));
      const stored = await storedBackup(ops);
      prepare?.(stored.dir);
      await expect(restoreDatabase(ops, { ...DB, name }, stored)).rejects.toMatchObject({ kind: 'precondition' });
      expect(ops.written).toEqual([]);
    };
    await refused(
      () => undefined,
      (dir) => writeFileSync(path.join(dir, 'database.dump'), 'x'),
    );
    await refused(() => undefined, undefined, 'other');
    await refused((c) =>
      c.input.includes('versionNumber') && !c.input.includes('hashtext')
        ? { stdout: '{"versionNumber":140001,"version":"14.1"}' }
        : undefined,
    );
    await refused((c) =>
      c.argv.includes('df') ? { stdout: 'F b U A C M\n/dev/x 100000000 1 1000 99% /d' } : undefined,
    );
  });
});

it.each([
  ['what its log may grow to', { most: 2_000_000_000, kept: false }, []],
  ['all of its log, where a slot or the archive keeps it', { most: 0, kept: true }, [/replication slot/]],
])('a restore needs disk for %s', async (_what, log, next) => {
  // 30 GB, the tenth more, and what is left alone.
  const free = 35_000_000_000;
  const df = { stdout: `F b U A C M\n/dev/x 100000000 1 ${free / 1024} 1% /d` };
  const given = (more: object) => (c: Call) => {
    if (c.argv.includes('df')) return df;
    if (c.input.includes('data_directory')) return { stdout: JSON.stringify({ directory: '/d', ...more }) };
    return undefined;
  };
  const ops = testOps(given({ most: 0, kept: false }));
  await expect(refuseWithoutServerDisk(ops, DB, 30_000_000_000)).resolves.toMatchObject({ free });
  await expect(refuseWithoutServerDisk(testOps(given(log)), DB, 30_000_000_000)).rejects.toMatchObject({
    kind: 'precondition',
    next: next.map((en) => ({ en: expect.stringMatching(en) })),
  });
});

describe('the swap', () => {
  it('ends the sessions that are in the way, as long as the rename waits for them', async () => {
    let ended = 0;
    const ops = testOps(async (c) => {
      if (c.input.includes('pg_terminate_backend')) ended += 1;
      if (c.input.includes('RENAME')) while (ended < 3) await new Promise((r) => setTimeout(r, 1));
      return {};
    });
    await swapDatabases(ops, DB, { incoming: 'n', name: "o'ld", before: 'b' });
    expect(ops.scripted.calls.find((c) => c.input.includes('terminate'))?.input).toContain("datname IN ('o''ld', 'n')");
  });
});

describe('names', () => {
  it('are cut in the middle of no character, so that the suffix stays', () => {
    expect(suffixed('whalefall', '_x')).toBe('whalefall_x');
    const long = suffixed('鲸'.repeat(30), '_before_20260102t030405z');
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(63);
    expect(long).toMatch(/^鲸+_before_20260102t030405z$/);
  });
});

describe('globals', () => {
  const DUMP = `--
-- PostgreSQL database cluster dump
--
\\restrict abc
SET default_transaction_read_only = off;
CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:x;--y';
CREATE ROLE "r""o;l--e
x";
ALTER ROLE "r""o;l--e
x" WITH LOGIN PASSWORD 'it''s';
ALTER ROLE app SET search_path TO 'a b', 'public';
GRANT app TO "r""o;l--e
x" GRANTED BY app;
CREATE TABLESPACE fast OWNER app LOCATION '/fast';
\\unrestrict abc
`;

  it('are taken apart at the right places', () => {
    expect(statements(DUMP)).toHaveLength(8);
    expect(statements(DUMP)[2]).toBe("ALTER ROLE app WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:x;--y';");
    expect(() => statements('CREATE ROLE x')).toThrow(/middle/);
  });

  it('of a new cluster are all applied, but no tablespace unless it goes with its server', () => {
    const globals = parseGlobals(DUMP);
    // Nor does it say who granted a membership: in another cluster that role may not.
    const expected = DUMP.replace(' GRANTED BY app;', ';');
    expect(savedRolesSql(globals, [], false)).toEqual(statements(expected).filter((s) => !s.includes('TABLESPACE')));
    const inPlace = savedRolesSql(globals, [], true);
    expect(inPlace[0]).toBe('SET allow_in_place_tablespaces = on;');
    expect(inPlace.at(-1)).toBe("CREATE TABLESPACE fast OWNER app LOCATION '';");
    const there = savedRolesSql(globals, ['app', 'r"o;l--e\nx'], false);
    expect(there.map((s) => s.split(' ').slice(0, 2).join(' '))).toEqual([
      'SET default_transaction_read_only',
      'ALTER ROLE',
      'GRANT app',
    ]);
    expect(there.join()).not.toContain('PASSWORD');
    // Of a cluster that moves the present ones count, but for who is connected.
    const moved = savedRolesSql(globals, ['app', 'r"o;l--e\nx'], false, ['app']);
    expect(moved.filter((s) => s.includes('PASSWORD'))).toEqual([
      `ALTER ROLE "r""o;l--e\nx" WITH LOGIN PASSWORD 'it''s';`,
    ]);
    // A name that only looks alike is another role.
    expect(savedRolesSql(globals, ['App', 'ap'], false)).toEqual(savedRolesSql(globals, [], false));
  });

  const now = (roles: ClusterNow['roles']): ClusterNow => ({ roles, tablespaces: ['pg_default'] });
  const manifest = { database: { ...FACTS.database, owner: 'app' }, roles: ['app'] } as unknown as DatabaseManifest;

  it('raise nobody’s rights without a consent: what is missing and needed is created bare', () => {
    const globals = parseGlobals(DUMP);
    expect(rolesSql(globals, now([]), manifest, { roles: 'needed', user: 'u' })).toEqual([
      'CREATE ROLE "app" NOLOGIN;',
    ]);
    const app = { name: 'app', rights: [], password: null, memberOf: [] };
    expect(rolesSql(globals, now([app]), manifest, { roles: 'needed', user: 'u' })).toEqual([]);
    // An older backup does not say whom it refers to.
    const older = { database: manifest.database } as unknown as DatabaseManifest;
    expect(rolesSql(globals, now([app]), older, { roles: 'needed', user: 'u' })).toEqual([
      'CREATE ROLE "r""o;l--e\nx" NOLOGIN;',
    ]);
  });

  it('are compared by rights, memberships and whether the password is the same, which is never shown', () => {
    const globals = parseGlobals(`CREATE ROLE app; ALTER ROLE app WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-old';
CREATE ROLE boss; ALTER ROLE boss WITH SUPERUSER LOGIN PASSWORD 'SCRAM-boss'; CREATE ROLE readers; GRANT readers TO app;`);
    const cluster = now([
      { name: 'app', rights: ['CREATEDB', 'LOGIN'], password: 'f00d', memberOf: [] },
      { name: 'readers', rights: [], password: null, memberOf: ['pg_monitor'] },
      { name: 'new', rights: ['SUPERUSER'], password: 'f00d', memberOf: ['readers'] },
      { name: 'pg_monitor', rights: [], password: null, memberOf: [] },
    ]);
    const lines = roleDifferences(globals, cluster, manifest, 'needed').map((l) => l.en);
    expect(lines).toEqual([
      'app: had LOGIN, keeps CREATEDB, LOGIN',
      'app: had another password, keeps the present one',
      'app: was a member of readers, stays without',
      'boss (SUPERUSER, LOGIN): gone since, stays away',
      'readers: became a member of pg_monitor since, stays one',
      'new (SUPERUSER, IN ROLE readers): new since, stays',
    ]);
    expect(roleDifferences(globals, cluster, manifest, 'saved').map((l) => l.en)).toEqual([
      ...lines.slice(0, 2),
      'app: becomes a member of readers again',
      'boss (SUPERUSER, LOGIN): gone since, comes back as it was, password included',
      ...lines.slice(4),
    ]);
    expect(lines.join()).not.toMatch(/SCRAM|f00d/);
  });
});

describe('a database like the one that was dumped', () => {
  it('has its encoding, locale, settings and privileges', () => {
    const properties = {
      ...FACTS.database,
      tablespace: 'fast',
      connectionLimit: 5,
      localeProvider: 'i' as const,
      locale: 'zh-CN',
      comment: "it's",
      settings: [
        { role: null, name: 'search_path', value: '"$user", public, "a ""b"' },
        { role: 'r', name: 'my.param', value: 'x\\y' },
        { role: null, name: 'local_preload_libraries', value: '' },
      ],
      privileges: [
        { grantee: null, privilege: 'CONNECT', grantable: false },
        { grantee: 'r"x', privilege: 'TEMPORARY', grantable: true },
      ],
    };
    expect(
      createDatabaseSql('n"ew', properties),
    ).toBe(`CREATE DATABASE "n""ew" TEMPLATE template0 OWNER "whalefall_user"
  ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN' TABLESPACE "fast";
COMMENT ON DATABASE "n""ew" IS 'it''s';
REVOKE ALL ON DATABASE "n""ew" FROM PUBLIC, "whalefall_user";
GRANT CONNECT ON DATABASE "n""ew" TO PUBLIC;
GRANT TEMPORARY ON DATABASE "n""ew" TO "r""x" WITH GRANT OPTION;`);
    expect(createDatabaseSql('n"ew', properties, false)).not.toContain('TABLESPACE');
    const libc = { ...properties, localeProvider: 'c' as const, locale: null };
    expect(createDatabaseSql('n"ew', libc)).toContain(` LC_CTYPE 'C.UTF-8' LOCALE_PROVIDER libc TABLESPACE`);
    // Before PostgreSQL 15.
    expect(createDatabaseSql('n"ew', { ...libc, localeProvider: null })).not.toContain('LOCALE_PROVIDER');
    // What could stop whoever fills it comes last.
    expect(settingsSql('n"ew', properties)).toBe(`ALTER DATABASE "n""ew" SET "search_path" TO '$user', 'public', 'a "b';
ALTER ROLE "r" IN DATABASE "n""ew" SET "my"."param" TO  E'x\\\\y';
ALTER DATABASE "n""ew" SET "local_preload_libraries" TO '';
ALTER DATABASE "n""ew" CONNECTION LIMIT 5;`);
    const evil = { grantee: null, privilege: 'CONNECT; DROP', grantable: false };
    expect(() => createDatabaseSql('x', { ...FACTS.database, privileges: [evil] })).toThrow();
  });
});
