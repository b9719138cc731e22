import type { Ops } from '../../core/ops.ts';
import { execute, identifier, literal, type PgServer, query } from './psql.ts';

export interface Swap {
  /** The database that is to get the name. */
  readonly incoming: string;
  readonly name: string;
  /** What the one that has the name now is to be called; null when there is none. */
  readonly before: string | null;
}

const END_EVERY_MS = 50;

/**
 * Gives `incoming` the name, and the one that had it another, in one transaction: whenever anything dies, there is either the old or
 * the new under the name, never none. A rename waits up to 5 s until nobody is connected and lets nobody new in meanwhile, so
 * the sessions are ended while it waits.
 *
 * @throws {CommandError} when it did not happen: a session could not be ended, or a prepared transaction is in the way.
 */
export async function swapDatabases(ops: Ops, server: PgServer, { incoming, name, before }: Swap): Promise<void> {
  const renames = [
    ...(before === null ? [] : [`ALTER DATABASE ${identifier(name)} RENAME TO ${identifier(before)};`]),
    `ALTER DATABASE ${identifier(incoming)} RENAME TO ${identifier(name)};`,
  ];
  const done = new AbortController();
  const ending = endSessionsOf(ops, server, [name, incoming], done.signal);
  ending.catch(() => undefined); // what counts is whether the renames happen
  try {
    await execute(ops, server, ['BEGIN;', "SET LOCAL lock_timeout = '10s';", ...renames, 'COMMIT;'].join('\n'));
  } finally {
    done.abort();
    await ending.catch(() => undefined);
  }
}

/** Of exactly these databases. The one that comes may have somebody in it too: a monitor that visits every database, a forgotten psql. */
async function endSessionsOf(
  ops: Ops,
  server: PgServer,
  databases: readonly string[],
  until: AbortSignal,
): Promise<void> {
  const names = databases.map(literal).join(', ');
  const sql = `SELECT to_jsonb(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN (${names})`;
  while (!until.aborted) {
    await ops.clock.sleep(END_EVERY_MS, until);
    await query(ops, server, sql);
  }
}
