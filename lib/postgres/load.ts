import { randomBytes } from 'node:crypto';
import { exec } from '../host/docker.ts';
import { type RunOps, run } from '../host/run.ts';
import { withOpen } from './durable.ts';
import { connectTo, identifier, literal, type PgServer } from './psql.ts';
import type { DatabaseProperties } from './snapshot.ts';

/** From this size a dump is copied into the container first: two workers need a file they can seek in. */
const PARALLEL_FROM_BYTES = 8_000_000;
const WORKERS = 2;

/** Parameters whose value is a list of quoted names; PostgreSQL's variable_is_guc_list_quote. */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/** SQL that creates an empty database named `name`, else like the one that was dumped. Fails when there is one. */
export function createDatabaseSql(name: string, properties: DatabaseProperties): string {
  const { owner, encoding, collate, ctype, localeProvider, locale } = properties;
  const provider = { c: '', i: ' LOCALE_PROVIDER icu', b: ' LOCALE_PROVIDER builtin' }[localeProvider ?? 'c'];
  const own =
    locale && provider ? ` ${localeProvider === 'i' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${literal(locale)}` : '';
  return `CREATE DATABASE ${identifier(name)} TEMPLATE template0 OWNER ${identifier(owner)}
  ENCODING ${literal(encoding)} LC_COLLATE ${literal(collate)} LC_CTYPE ${literal(ctype)}${provider}${own};
${propertiesSql(name, properties)}`;
}

/** What is attached to the database itself, which an archive brings back only under the database's old name. */
function propertiesSql(name: string, { comment, settings, privileges }: DatabaseProperties): string {
  const database = `DATABASE ${identifier(name)}`;
  const lines: string[] = [];
  if (comment !== null) lines.push(`COMMENT ON ${database} IS ${literal(comment)};`);
  for (const { role, name: parameter, value } of settings) {
    const shown = LISTS.has(parameter) ? listValue(value) : literal(value);
    const whose = role === null ? `ALTER ${database}` : `ALTER ROLE ${identifier(role)} IN ${database}`;
    // A parameter of an extension has a dot; its parts are quoted one by one.
    lines.push(`${whose} SET ${parameter.split('.').map(identifier).join('.')} TO ${shown};`);
  }
  if (privileges !== null) {
    lines.push(`REVOKE ALL ON ${database} FROM PUBLIC;`);
    for (const { grantee, privilege, grantable } of privileges) {
      if (!/^[A-Z ]+$/.test(privilege)) throw new Error(`not a privilege: ${privilege}`);
      const to = grantee === null ? 'PUBLIC' : identifier(grantee);
      lines.push(`GRANT ${privilege} ON ${database} TO ${to}${grantable ? ' WITH GRANT OPTION' : ''};`);
    }
  }
  return lines.join('\n');
}

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
 * its session when the database is dropped.
 *
 * @param size of the archive, bytes.
 * @throws {CommandError}
 */
export async function loadDump(
  ops: RunOps,
  server: PgServer,
  dump: { readonly file: string; readonly size: number },
  database: string,
  deadlineMs: number,
): Promise<void> {
  const id = server.container.id;
  const halfWay = { deadlineMs, interruptible: true };
  const restore = ['pg_restore', '-w', '-e', '-U', server.user, '-d', connectTo(database)];
  if (dump.size < PARALLEL_FROM_BYTES) {
    const command = [...restore, '--single-transaction'];
    await withOpen(dump.file, (fd) => run(ops, exec('change', id, command, { stdinFd: fd, ...halfWay })));
    return;
  }
  const inside = `/tmp/whalefall-ops-${randomBytes(6).toString('hex')}.dump`;
  // One that a killed run left goes first: what still reads it would hold the lock.
  const copy = ['sh', '-c', 'umask 077; rm -f /tmp/whalefall-ops-*.dump; cat > "$1"', 'sh', inside];
  const calm = { ...ops, signal: new AbortController().signal };
  try {
    await withOpen(dump.file, (fd) => run(ops, exec('change', id, copy, { stdinFd: fd, ...halfWay })));
    const parallel = [...restore, '-j', String(WORKERS), inside];
    await run(ops, exec('change', id, parallel, halfWay));
  } finally {
    await run(calm, exec('change', id, ['rm', '-f', inside])).catch(() => undefined); // the container may be what failed
  }
}
