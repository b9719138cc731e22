import { randomUUID } from 'node:crypto';
import { OpsError } from '../core/errors.ts';
import { CommandError } from '../core/run.ts';
import { printable, same } from '../core/text.ts';
import { findVolumes } from '../domain/stack/containers.ts';
import { databaseOf, loginOf } from '../domain/stack/stack.ts';
import type { RemoteAccess } from '../tools/pg-hba/hba.ts';
import { BLOCKED } from '../tools/postgres/condition.ts';
import { type Database, execute, literal, type PgServer, readScript } from '../tools/postgres/psql.ts';
import { type Row, type Rows, recordsOf, rowsOf } from './rows.ts';
import { type Context, type Service, serviceOf } from './service.ts';
import { Sql, type SqlValue } from './sql.ts';

export interface QueryOptions {
  /** Milliseconds; default 30 000. The server ends the statement then, too. */
  readonly deadlineMs?: number;
}

/** PostgreSQL, over its own local socket as its superuser. */
export interface Postgres extends Service {
  /**
   * Rows of one statement, in a transaction that the server holds to be READ ONLY. Columns keep their order; integers, floats and
   * booleans are JavaScript's, `json` is parsed, NULL is null, everything else is the server's text (`numeric` too, and a `bigint`
   * that no double holds). Values in `${…}` become literals, names go through {@link Postgres.name}.
   *
   * @throws {OpsError} `usage`: a value that has no literal, or stands in quotes; `command`: the server's own words; `precondition`:
   *   not running; `deadline`.
   */
  query<R extends Row = Row>(pieces: TemplateStringsArray, ...values: readonly SqlValue[]): Promise<Rows<R>>;
  query<R extends Row = Row>(sql: Sql, options?: QueryOptions): Promise<Rows<R>>;
  /** A part of a query, with its values quoted; to be put into another by `${…}`, or given to `query` with a deadline. */
  sql(pieces: TemplateStringsArray, ...values: readonly SqlValue[]): Sql;
  /** `name('public', 'users')`: an identifier, whatever it contains. */
  name(...parts: readonly string[]): Sql;
  /** Who waits for whose lock, as a subquery of two pids: `waits`, `holds`. What doctor looks at, too. */
  readonly blocked: Sql;
  /**
   * What the guarded helpers (`backupPg`, `restoreHba`, `migrate`) call a database.
   *
   * @throws {OpsError} `precondition`: not running, or its volume does not exist.
   */
  database(): Promise<Database>;
  /** The same for where a stranger would come from (`proveHba`, `restoreHba`). @throws {OpsError} `precondition`: not running. */
  remoteAccess(): RemoteAccess;
}

/** The same inside a step. */
export interface WritablePostgres extends Postgres {
  /**
   * Runs SQL as one transaction, journaled as a change; what it says is not logged by the server. @returns what psql prints of
   * `RETURNING`, a line a row.
   *
   * @throws {OpsError} as `query`; nothing of it took place then, unless it was the deadline.
   */
  execute(pieces: TemplateStringsArray, ...values: readonly SqlValue[]): Promise<string>;
}

const DEADLINE_MS = 30_000;

export function postgresOf(context: Context): Postgres {
  const { ops, stack } = context;
  const service = serviceOf(context, 'postgres');
  const server = (): PgServer => ({ container: service.running(), ...loginOf(stack) });

  const ask = async <R extends Row>(sql: Sql, { deadlineMs = DEADLINE_MS }: QueryOptions): Promise<Rows<R>> => {
    const [missing, between] = [`null-${randomUUID()}`, `rows-${randomUUID()}`];
    const script = readOnlyScript(sql.text, { missing, between, deadlineMs });
    const said = await told(readScript(ops, server(), script, { deadlineMs: deadlineMs + 5_000 }));
    const [described = '', csv = ''] = said.split(between);
    const columns = recordsOf(described).map(([name = '', type = '']) => ({ name, type }));
    return rowsOf<R>(columns, csv.slice(1), missing); // behind the marker's own line end
  };

  return {
    ...service,
    query: <R extends Row>(
      first: TemplateStringsArray | Sql,
      ...rest: readonly (SqlValue | QueryOptions | undefined)[]
    ) =>
      first instanceof Sql
        ? ask<R>(first, (rest[0] ?? {}) as QueryOptions)
        : ask<R>(Sql.of(first, rest as readonly SqlValue[]), {}),
    sql: (pieces, ...values) => Sql.of(pieces, values),
    name: (...parts) => Sql.name(...parts),
    blocked: Sql.written(`(${BLOCKED})`),
    async database() {
      return databaseOf(stack, service.running(), await findVolumes(ops, stack));
    },
    remoteAccess() {
      const container = service.running();
      const port = ops.target.ports.postgres;
      const host = Object.values(container.addresses).find((address) => address !== '') ?? '127.0.0.1';
      return { address: { host, port }, clientContainer: container.id };
    },
  };
}

export function writable({ ops, stack }: Context, db: Postgres): WritablePostgres {
  return {
    ...db,
    execute: (pieces, ...values) => {
      const sql = `BEGIN;\n${Sql.of(pieces, values).text}\n;COMMIT;`;
      return told(execute(ops, { container: db.running(), ...loginOf(stack) }, sql));
    },
  };
}

/**
 * The SQL goes in as a literal, for a cursor of the server's: psql does not read it, so that no backslash is a command of its; the
 * server takes a single query for a cursor; and a transaction that is READ ONLY can't be made anything else by a query in it.
 */
function readOnlyScript(sql: string, as: { missing: string; between: string; deadlineMs: number }): string {
  const open = `DECLARE answer refcursor := 'answer'; BEGIN OPEN answer FOR EXECUTE ${literal(sql.replace(/;\s*$/, ''))}; END`;
  return `SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET statement_timeout = ${as.deadlineMs};
\\pset format csv
\\pset null ${as.missing}
\\set SHOW_CONTEXT never
BEGIN TRANSACTION READ ONLY;
DO ${literal(open)};
FETCH ALL FROM answer \\gdesc
\\echo ${as.between}
FETCH ALL FROM answer;
\\echo ${as.between}
ROLLBACK;
`;
}

const NOT_READING = /in a read-only transaction|query as cursor|query plan as cursor/;

/** psql's complaint without the command that is always the same. */
async function told<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof CommandError) || error.kind !== 'command') throw error;
    const words = printable(error.output.stderr.trim() || error.message).slice(-2_000);
    throw new OpsError({
      kind: 'command',
      what: same(`PostgreSQL: ${words}`),
      next: NOT_READING.test(words)
        ? [
            {
              en: 'db.query takes one statement that only reads. A change: { changes: true }, and db.execute in a step.',
              zh: 'db.query 只接受一条只读语句. 需要修改数据时请声明 { changes: true }, 并在步骤中使用 db.execute.',
            },
          ]
        : [],
      cause: error,
    });
  }
}
