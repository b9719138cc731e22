import { ask, type Command, type RunOps } from '../../core/run.ts';
import type { Container, VolumeIdentity } from '../docker/containers.ts';
import { exec } from '../docker/docker.ts';
import { type BlockerRow, blockerOf } from './blocker.ts';
import { HOLDERS, TableLocked } from './table-locked.ts';

/** The running database that a helper talks to. */
export interface Database {
  readonly container: Container;
  /** POSTGRES_USER: the only login role that surely exists. */
  readonly user: string;
  readonly name: string;
  /** The volume that holds it. */
  readonly volume: VolumeIdentity;
}

/** A server inside a running container, reached over its own local socket. {@link Database} is one. */
export interface PgServer {
  readonly container: { readonly id: string };
  /** A superuser. */
  readonly user: string;
  /** The database that is connected to unless a call names another. */
  readonly name: string;
}

/** How long a look may wait for a table: others wait behind whoever waits. */
const LOCK_WAIT_MS = 1_000;

export interface SqlOptions {
  readonly database?: string;
  /** Default 30 s; the server ends the statement then too (statement_timeout). */
  readonly deadlineMs?: number;
}

/** `name` as an SQL identifier, whatever it contains. */
export function identifier(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** `text` as an SQL string, whatever it contains and whatever standard_conforming_strings says. */
export function literal(text: string): string {
  const doubled = withoutNul(text).replaceAll("'", "''");
  return doubled.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** A database name as libpq's `-d` takes it: a name with `=` or a URL's look would be read as connection settings. */
export function connectTo(database: string): string {
  if (/^[\w.-]+$/.test(database)) return database;
  return `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/**
 * What a database or a role may have set (`ALTER DATABASE … SET`) that would end our own sessions, or let them do nothing. What a
 * connection asks for goes before it.
 */
export const PGOPTIONS = [
  ...['default_transaction_read_only=off', 'default_transaction_deferrable=off', 'role=none'],
  ...['statement_timeout=0', 'lock_timeout=0', 'idle_in_transaction_session_timeout=0'],
  // Its messages are read here.
  ...['session_preload_libraries=', 'local_preload_libraries=', 'lc_messages=C'],
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** A PostgreSQL client in the server's container; see {@link PGOPTIONS}. */
export function pgExec(
  effect: 'read' | 'change',
  server: PgServer,
  argv: readonly string[],
  { env, ...options }: Parameters<typeof exec>[3] = {},
): Command {
  return exec(effect, server.container.id, argv, { ...options, env: { PGOPTIONS, ...env } });
}

/** psql for machines: no start-up file, no password prompt (it would eat the SQL), bare rows, stop at the first error. */
export function psql(server: PgServer, database = server.name): readonly string[] {
  const flags = ['-X', '-w', '-qAt', '-v', 'ON_ERROR_STOP=1'];
  return ['psql', ...flags, '-U', server.user, '-d', connectTo(database)];
}

/**
 * The rows of one SELECT with one column, each as the JSON value that it is (`SELECT json_build_object(…) FROM …`), in the
 * order of the server. Wide numbers (bigint, numeric) should be text in the SQL: JSON numbers are doubles here. Runs
 * read-only, and waits for no table.
 *
 * @throws {TableLocked} naming who holds it. {@link CommandError} when the query fails; an answer without rows is really without rows.
 */
export async function query<Row = Record<string, unknown>>(
  ops: RunOps,
  server: PgServer,
  sql: string,
  options: SqlOptions = {},
): Promise<Row[]> {
  const deadlineMs = options.deadlineMs ?? 30_000;
  // jsonb, because json keeps the line ends that json_agg writes.
  const input = `${settings(deadlineMs)}SET default_transaction_read_only = on; SET lock_timeout = ${LOCK_WAIT_MS};
SELECT coalesce(to_jsonb(answer.value), 'null') FROM (
${sql}
) AS answer (value);
`;
  const command = sent('read', server, input, { ...options, deadlineMs });
  try {
    return jsonLines(await ask(ops, command));
  } catch (error) {
    if (!TableLocked.caused(error) || sql === HOLDERS) throw error;
    const holders = await query<BlockerRow>(ops, server, HOLDERS, options).catch(() => []);
    throw new TableLocked(command, error, holders.map(blockerOf));
  }
}

/** The row of a query that has one, whatever the server holds. */
export async function queryOne<Row>(ops: RunOps, server: PgServer, sql: string, options?: SqlOptions): Promise<Row> {
  const [row] = await query<Row>(ops, server, sql, options);
  if (row === undefined) throw new Error('PostgreSQL answered without a row');
  return row;
}

/** A psql script that only looks; gives what it prints. */
export function readScript(ops: RunOps, server: PgServer, script: string, options: SqlOptions): Promise<string> {
  return ask(ops, sent('read', server, script, options));
}

function jsonLines<Row>(answer: string): Row[] {
  return answer === '' ? [] : answer.split('\n').map((line) => JSON.parse(line) as Row);
}

/**
 * Runs SQL that changes something, each statement in a transaction of its own unless it says BEGIN, up to the first error.
 * It travels by stdin only, so it may hold secrets; the server is told not to log it.
 *
 * @throws {CommandError}
 */
export async function execute(ops: RunOps, server: PgServer, sql: string, options: SqlOptions = {}): Promise<string> {
  const deadlineMs = options.deadlineMs ?? 60_000;
  const quiet =
    "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';\n";
  return ask(ops, sent('change', server, `${settings(deadlineMs)}${quiet}${sql}\n`, { ...options, deadlineMs }));
}

/**
 * Ends the sessions of an application name and waits until they are gone: killing `docker exec` leaves its pg_dump running
 * inside, and pg_dump ends with its session.
 */
export async function endSessions(ops: RunOps, server: PgServer, applicationName: string): Promise<void> {
  const mine = `FROM pg_stat_activity WHERE application_name = ${literal(applicationName)} AND pid <> pg_backend_pid()`;
  for (let round = 0; round < 20; round += 1) {
    const left = await query(ops, server, `SELECT pg_terminate_backend(pid) ${mine}`);
    if (left.length === 0) return;
    await ops.clock.sleep(100);
  }
}

function sent(effect: 'read' | 'change', server: PgServer, input: string, options: SqlOptions): Command {
  const { database, deadlineMs } = options;
  return pgExec(effect, server, psql(server, database), { input, ...(deadlineMs && { deadlineMs }) });
}

const settings = (deadlineMs: number) =>
  `SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET statement_timeout = ${deadlineMs};\n`;

function withoutNul(text: string): string {
  if (text.includes('\0')) throw new Error('PostgreSQL has no NUL in text');
  return text;
}
