import { randomBytes } from 'node:crypto';
import { uninterruptible } from '../../core/ops.ts';
import { type RunOps, run } from '../../core/run.ts';
import { exec } from '../docker/docker.ts';
import { withOpen } from '../files/durable.ts';
import { connectTo, identifier, literal, PGOPTIONS, type PgServer, pgExec } from './psql.ts';
import { diskFor, restoredBytes } from './server-disk.ts';
import { withoutRows } from './server-errors.ts';
import type { DatabaseProperties } from './snapshot.ts';

/** From this size a dump is copied into the container first, where it has room: two workers need a file they can seek in. */
const PARALLEL_FROM_BYTES = 8_000_000;
const WORKERS = 2;
const UNLOGGED = '-c log_error_verbosity=terse -c log_min_error_statement=panic -c log_statement=none';

/** Parameters whose value is a list of quoted names; PostgreSQL's variable_is_guc_list_quote. */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/**
 * SQL that creates an empty database named `name`, else like the one that was dumped, without its settings and limit: those come last
 * ({@link settingsSql}). Fails when there is one.
 *
 * @param tablespaces whether the cluster has those of the dump; without, all goes to the default one.
 */
export function createDatabaseSql(name: string, properties: DatabaseProperties, tablespaces = true): string {
  const { owner, encoding, collate, ctype, localeProvider, locale, tablespace } = properties;
  // Also libc: the cluster's default may be another one.
  const provider = localeProvider ? ` LOCALE_PROVIDER ${{ c: 'libc', i: 'icu', b: 'builtin' }[localeProvider]}` : '';
  const own = { c: '', i: 'ICU_LOCALE', b: 'BUILTIN_LOCALE' }[localeProvider ?? 'c'];
  const locales = own && locale ? ` ${own} ${literal(locale)}` : '';
  return `CREATE DATABASE ${identifier(name)} TEMPLATE template0 OWNER ${identifier(owner)}
  ENCODING ${literal(encoding)} LC_COLLATE ${literal(collate)} LC_CTYPE ${literal(ctype)}${provider}${locales}${tablespaces && tablespace ? ` TABLESPACE ${identifier(tablespace)}` : ''};
${propertiesSql(name, properties)}`;
}

export interface Archive {
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  /** Of the database that it was made of, if it is to lie on a disk; 0 in memory. */
  readonly onDisk: number;
  /** False: everything goes to the default tablespace. */
  readonly tablespaces?: boolean;
}

/** What is attached to the database itself, which an archive brings back only under the database's old name. */
function propertiesSql(name: string, { owner, comment, privileges }: DatabaseProperties): string {
  const database = `DATABASE ${identifier(name)}`;
  const lines: string[] = [];
  if (comment !== null) lines.push(`COMMENT ON ${database} IS ${literal(comment)};`);
  if (privileges !== null) {
    lines.push(`REVOKE ALL ON ${database} FROM PUBLIC, ${identifier(owner)};`);
    for (const { grantee, privilege, grantable } of privileges) {
      if (!/^[A-Z ]+$/.test(privilege)) throw new Error(`not a privilege: ${privilege}`);
      const to = grantee === null ? 'PUBLIC' : identifier(grantee);
      lines.push(`GRANT ${privilege} ON ${database} TO ${to}${grantable ? ' WITH GRANT OPTION' : ''};`);
    }
  }
  return lines.join('\n');
}

/**
 * What a database gets once everything is in it, because it could stop whoever fills it: a default of read-only transactions, a timeout,
 * a library that is loaded at each login, a limit of connections. Nothing when it has none.
 */
export function settingsSql(name: string, { settings, connectionLimit = -1 }: DatabaseProperties): string {
  const database = `DATABASE ${identifier(name)}`;
  const lines = settings.map(({ role, name: parameter, value }) => {
    const shown = settingValue(parameter, value);
    const whose = role === null ? `ALTER ${database}` : `ALTER ROLE ${identifier(role)} IN ${database}`;
    // A parameter of an extension has a dot; its parts are quoted one by one.
    return `${whose} SET ${parameter.split('.').map(identifier).join('.')} TO ${shown};`;
  });
  if (connectionLimit !== -1) lines.push(`ALTER ${database} CONNECTION LIMIT ${connectionLimit};`);
  return lines.join('\n');
}

/** The value of a parameter as `SET` takes it. */
export const settingValue = (parameter: string, value: string): string =>
  LISTS.has(parameter) ? listValue(value) : literal(value);

/** `a, "B c"` as it is stored, into literals of its names. */
function listValue(value: string): string {
  const names = [...value.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(
    (m) => m[1]?.replaceAll('""', '"') ?? m[2] ?? '',
  );
  return names.length === 0 ? "''" : names.map(literal).join(', ');
}

/**
 * Restores an archive in custom format into an empty database and stops at the first error. The database is then in an
 * undefined state and to be dropped. So an interruption may end it half-way: what goes on in the container for a moment ends with
 * its session when the database is dropped. Subscriptions are left out: they would fetch what another server has, and no database with
 * one can be renamed.
 *
 * @throws {CommandError} without any row's content, see {@link withoutRows}.
 */
export async function loadDump(
  ops: RunOps,
  server: PgServer,
  dump: Archive,
  { database, deadlineMs }: { readonly database: string; readonly deadlineMs: number },
): Promise<void> {
  const id = server.container.id;
  const halfWay = { deadlineMs, interruptible: true };
  // Verbose, so that it names what it fails at. The server's own log is not to get the rows either.
  const flags = ['-w', '-e', '-v', '--no-subscriptions', ...(dump.tablespaces === false ? ['--no-tablespaces'] : [])];
  const restore = ['pg_restore', ...flags, '-U', server.user, '-d', connectTo(database)];
  const quiet = { shownErrors: withoutRows, env: { PGOPTIONS: `${PGOPTIONS} ${UNLOGGED}` } };
  const streamed = (command: readonly string[]) =>
    withOpen(dump.file, (fd) => run(ops, pgExec('change', server, command, { stdinFd: fd, ...halfWay, ...quiet })));
  if (dump.size < PARALLEL_FROM_BYTES) return void (await streamed([...restore, '--single-transaction']));
  const inside = `/tmp/whalefall-ops-${randomBytes(6).toString('hex')}.dump`;
  // One that a killed run left goes first: what still reads it would hold the lock. busybox takes a read-only /tmp for writable.
  const look = ['sh', '-c', 'umask 077; rm -f /tmp/whalefall-ops-*.dump; : > "$1" && df -P -k "$1"', 'sh', inside];
  const copy = ['sh', '-c', 'umask 077; cat > "$1"', 'sh', inside];
  const calm = uninterruptible(ops);
  try {
    const { exitCode, stdout } = await run(ops, exec('change', id, look, halfWay), [0, 1, 2]);
    // The data may be on the same disk. A tmpfs is memory, of which the server may have been given little.
    const disk = exitCode === 0 ? diskFor(stdout.trimEnd(), dump.size + restoredBytes(dump.onDisk)) : undefined;
    if (!disk || disk.free < disk.needed || disk.device === 'tmpfs') return void (await streamed(restore));
    await withOpen(dump.file, (fd) => run(ops, exec('change', id, copy, { stdinFd: fd, ...halfWay })));
    const parallel = [...restore, '-j', String(WORKERS), inside];
    await run(ops, pgExec('change', server, parallel, { ...halfWay, ...quiet }));
  } finally {
    await run(calm, exec('change', id, ['rm', '-f', inside])).catch(() => undefined); // the container may be what failed
  }
}
