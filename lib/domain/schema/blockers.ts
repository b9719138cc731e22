import type { Ops } from '../../core/ops.ts';
import { type Blocker, type BlockerRow, blockerOf } from '../../tools/postgres/blocker.ts';
import type { Database } from '../../tools/postgres/database.ts';
import { literal, query } from '../../tools/postgres/psql.ts';
import { MIGRATION_NAME } from './flask-db.ts';

const LOOK_EVERY_MS = 1_000;

const BLOCKERS = `SELECT DISTINCT ON (b.pid) jsonb_build_object('pid', b.pid, 'application', b.application_name,
  'user', b.usename, 'address', host(b.client_addr), 'state', b.state, 'since', b.query_start, 'query', b.query)
  FROM pg_stat_activity w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS p JOIN pg_stat_activity b ON b.pid = p
  WHERE w.application_name = ${literal(MIGRATION_NAME)}`;

/**
 * Looks once a second who blocks the migration: after its lock timeout nobody does any more.
 *
 * @returns `stop`, which ends the watch and gives the blockers seen last.
 */
export function watchBlockers(ops: Ops, db: Database): { stop(): Promise<readonly Blocker[]> } {
  const stopped = new AbortController();
  let seen: Blocker[] = [];
  const watch = async () => {
    while (!stopped.signal.aborted) {
      await ops.clock.sleep(LOOK_EVERY_MS, stopped.signal);
      const rows = await query<BlockerRow>(ops, db, BLOCKERS);
      if (rows.length > 0) seen = rows.map(blockerOf);
    }
  };
  // The watch is for a better message only: it must not fail a migration.
  const watching = watch().catch(() => undefined);
  return {
    async stop() {
      stopped.abort();
      await watching;
      return seen;
    },
  };
}
