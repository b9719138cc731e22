import path from 'node:path';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { stamp } from '../../tools/files/durable.ts';
import { whatDatabaseHolds } from '../../tools/postgres/emptiness.ts';
import { createDatabaseSql, loadDump } from '../../tools/postgres/load.ts';
import { execute, identifier, literal, type PgServer, query, queryOne } from '../../tools/postgres/psql.ts';
import { refuseWithoutServerDisk } from '../../tools/postgres/server-disk.ts';
import { swapDatabases } from '../../tools/postgres/swap.ts';
import { type DatabaseManifest, newestAt, type Stored } from '../backup/manifest.ts';
import { clusterNow, globalsOf, missingTablespaces, type Roles, rolesSql } from '../backup/roles.ts';
import { applySettings, checkFiles, examine, patience, throwIfDifferent } from '../backup/verify.ts';
import { noTablespaces, notRestored, notSwapped, refuseToRestore } from './restore-errors.ts';

/** What the cluster is that a backup goes into. */
export interface Into {
  /** `moved`: into the same cluster's next home, where it has been in use before, perhaps: what roles are now counts. */
  readonly roles: Roles | 'moved';
  /** A server that goes with its container: tablespaces lie in its own data directory. */
  readonly inPlace?: true;
}

export interface Restored {
  /** What the database that was there is called now; null when there was none, or nothing in it. */
  readonly before: string | null;
}

/** PostgreSQL cuts longer names off. */
const NAME_BYTES = 63;

/** A database that is ready to take another's name. */
export interface Beside {
  /** The server, asked from outside of either database. */
  readonly server: PgServer;
  readonly name: string;
  readonly incoming: string;
  /** What the one that has the name will be called. */
  readonly before: string;
}

/**
 * Restores a backup beside what is there, compares it with the manifest, and only then swaps the names. The database that was
 * there is kept as `<name>_before_<time>`; one without anything in it is dropped. Sessions on it are ended at the swap, so the
 * application is to be stopped or able to connect again.
 *
 * Roles that the cluster has keep their password and attributes, unless it is `moved`.
 *
 * @throws {OpsError} `precondition` when this backup can't go here; else its `state` says which databases there are. The swap
 *   happens whole or not at all, and until then the database that is in use is not touched.
 */
export async function restoreDatabase(
  ops: Ops,
  db: PgServer,
  backup: Stored<DatabaseManifest>,
  into: Into = { roles: 'needed' },
): Promise<Restored> {
  const beside = await restoreBeside(ops, db, backup, into);
  const { before } = await swapIn(ops, beside);
  if (before === null || (await whatDatabaseHolds(ops, beside.server, before)).length > 0) return { before };
  await execute(ops, beside.server, `DROP DATABASE ${identifier(before)};`);
  return { before: null };
}

/** The first half of {@link restoreDatabase}, however long it takes: nothing that is in use is touched. */
export async function restoreBeside(
  ops: Ops,
  db: PgServer,
  backup: Stored<DatabaseManifest>,
  into: Into,
): Promise<Beside> {
  const { dir, manifest } = backup;
  const beside = await asBeside(ops, db, '_restoring_');
  const { server, incoming } = beside;
  await refuseUnlessFits(ops, server, db.name, manifest);
  await refuseWithoutServerDisk(ops, server, manifest.databaseBytes);
  await checkFiles(backup);
  try {
    const tablespaces = await applyGlobals(ops, server, backup, into);
    const database = createDatabaseSql(incoming, manifest.database, tablespaces);
    await execute(ops, server, database);
    const { name, size } = manifest.files.dump;
    const deadlineMs = patience(manifest.databaseBytes);
    const archive = { file: path.join(dir, name), size, tablespaces, onDisk: manifest.databaseBytes };
    await loadDump(ops, server, archive, { database: incoming, deadlineMs });
    const expected = tablespaces ? manifest : withoutTablespace(manifest);
    throwIfDifferent(dir, (await examine(ops, server, incoming, expected)).differences);
    // Without statistics the application's first minutes are slow.
    await execute(ops, server, 'ANALYZE;', { database: incoming, deadlineMs });
    throwIfDifferent(dir, await applySettings(ops, server, incoming, manifest.database));
  } catch (error) {
    throw notRestored(db.name, incoming, await dropDatabase(ops, server, incoming), error);
  }
  // What was in use until now is called after now.
  return { ...beside, before: await beforeName(ops, server, db.name) };
}

/** The second half: the names, in one transaction. What had the name is kept under another. */
export async function swapIn(ops: Ops, { server, name, incoming, before }: Beside): Promise<Restored> {
  const was = await isThere(ops, server, name);
  try {
    await swapDatabases(ops, server, { incoming, name, before: was ? before : null });
  } catch (error) {
    // The answer to COMMIT may be what got lost.
    const calm = uninterruptible(ops);
    const swapped = await isThere(calm, server, incoming).then(
      (there) => !there,
      () => undefined,
    );
    if (swapped !== true) throw notSwapped({ name, incoming, before }, swapped, error);
  }
  return { before: was ? before : null };
}

/**
 * Prepares a swap with a database that is there already.
 *
 * @throws {OpsError} `precondition` when it is not.
 */
export async function existingBeside(ops: Ops, db: PgServer, incoming: string): Promise<Beside> {
  const beside = await asBeside(ops, db, '');
  if (await isThere(ops, beside.server, incoming)) return { ...beside, incoming };
  throw refuseToRestore({ en: `There is no database ${incoming}.`, zh: `数据库 ${incoming} 不存在.` });
}

async function asBeside(ops: Ops, db: PgServer, suffix: string): Promise<Beside> {
  const server = { ...db, name: await otherDatabase(ops, db) }; // from outside of the database that is going to be renamed
  return {
    server,
    name: db.name,
    incoming: suffixed(db.name, `${suffix}${time(ops.clock.now())}`),
    before: await beforeName(ops, server, db.name),
  };
}

const time = (at: number): string => stamp(at).toLowerCase();

/**
 * What a database that is put aside now is called. Its time is not before any backup, of which none may look as if it had been taken
 * afterwards: the clock may have been put back. No database has that name.
 */
export async function beforeName(ops: Ops, server: PgServer, name: string): Promise<string> {
  const named = (at: number) => suffixed(name, `_before_${time(at)}`);
  let at = Math.max(ops.clock.now(), newestAt(ops.paths.backups));
  while (await isThere(ops, server, named(at))) at += 1_000;
  return named(at);
}

/** `name` cut so that `suffix` fits; PostgreSQL counts bytes. */
export function suffixed(name: string, suffix: string): string {
  const kept = [...name];
  while (Buffer.byteLength(kept.join('') + suffix) > NAME_BYTES) kept.pop();
  return kept.join('') + suffix;
}

async function otherDatabase(ops: Ops, db: PgServer): Promise<string> {
  const sql = `SELECT to_jsonb(datname) FROM pg_database WHERE datallowconn AND datname <> ${literal(db.name)}
    ORDER BY datname = 'postgres' DESC, datname = 'template1' DESC LIMIT 1`;
  const [other] = await query<string>(ops, db, sql, { database: 'template1' });
  return other ?? 'template1';
}

export async function isThere(ops: Ops, server: PgServer, database: string): Promise<boolean> {
  const sql = `SELECT to_jsonb(true) FROM pg_database WHERE datname = ${literal(database)}`;
  return (await query(ops, server, sql)).length > 0;
}

/**
 * @throws {OpsError} `precondition` when it is a backup of another database than `name`, or of a newer PostgreSQL than `server`.
 */
export async function refuseUnlessFits(
  ops: Ops,
  server: PgServer,
  name: string,
  manifest: DatabaseManifest,
): Promise<void> {
  type Here = { versionNumber: number; version: string };
  const sql = `SELECT json_build_object('versionNumber', current_setting('server_version_num')::int,
    'version', current_setting('server_version'))`;
  const here = await queryOne<Here>(ops, server, sql);
  const major = (n: number) => Math.floor(n / 10_000);
  if (manifest.database.name !== name) {
    throw refuseToRestore({
      en: `It is a backup of database ${manifest.database.name}, and this one is ${name}.`,
      zh: `这是数据库 ${manifest.database.name} 的备份, 而当前数据库是 ${name}.`,
    });
  }
  if (major(manifest.server.versionNumber) > major(here.versionNumber)) {
    throw refuseToRestore({
      en: `It was taken from PostgreSQL ${manifest.server.version}, and this server is the older ${here.version}.`,
      zh: `备份来自 PostgreSQL ${manifest.server.version}, 当前 PostgreSQL 版本较旧 (${here.version}).`,
    });
  }
}

/** @returns whether the cluster has every tablespace of the backup. */
async function applyGlobals(ops: Ops, server: PgServer, backup: Stored<DatabaseManifest>, into: Into) {
  const [globals, now] = [globalsOf(backup), await clusterNow(ops, server)];
  const sql = rolesSql(globals, now, backup.manifest, { ...into, user: server.user });
  // Whole or not at all: the next run would leave a role as it is that has been created and has no password yet. No transaction takes a tablespace.
  const whole = into.inPlace ? sql : ['BEGIN;', ...sql, 'COMMIT;'];
  if (sql.length > 0) await execute(ops, server, whole.join('\n'));
  const missing = into.inPlace ? [] : missingTablespaces(globals, now);
  if (missing.length > 0) ops.screen.show({ event: 'warning', text: noTablespaces(missing) });
  return missing.length === 0;
}

const withoutTablespace = (manifest: DatabaseManifest): DatabaseManifest => {
  const { tablespace: _, ...database } = manifest.database;
  return { ...manifest, database };
};

/** Removes what a restore had begun. Answers whether it is gone; what failed may be the server itself. */
export async function dropDatabase(ops: Ops, server: PgServer, database: string): Promise<boolean> {
  const calm = uninterruptible(ops);
  try {
    // FORCE: pg_restore's own session may not have ended yet.
    await execute(calm, server, `DROP DATABASE IF EXISTS ${identifier(database)} WITH (FORCE);`);
    return true;
  } catch {
    return false;
  }
}
