import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { literal, type PgServer, query } from './psql.ts';

/** A transaction is waited for so long; one that has lasted longer will not end for us. */
export const TRANSACTION_SECONDS = 10;
const LOOK_EVERY_MS = 50;

/**
 * Waits until nobody is in a transaction of a database any more that began less than {@link TRANSACTION_SECONDS} ago; for so long at most,
 * because by then all have ended, or lasted as long, that were there at first.
 *
 * @returns how many sessions are in one all the same.
 */
export async function untilNoTransaction(ops: Ops, server: PgServer, database: string): Promise<number> {
  let open = 0;
  await poll(ops, { everyMs: LOOK_EVERY_MS, forMs: TRANSACTION_SECONDS * 1000 }, async () => {
    const [now] = await query<{ young: number; all: number }>(ops, server, transactions(database));
    open = now?.all ?? 0;
    return now && now.young > 0 ? undefined : true;
  });
  return open;
}

/** A session of a pool that waits for its next query is in none. */
const transactions = (database: string): string =>
  `SELECT json_build_object('young', count(*) FILTER (WHERE xact_start > clock_timestamp() - interval '${TRANSACTION_SECONDS} s'), 'all', count(*))
     FROM pg_stat_activity WHERE datname = ${literal(database)} AND backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()`;
