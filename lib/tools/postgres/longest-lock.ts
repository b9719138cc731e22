import type { Ops } from '../../core/ops.ts';
import { printable } from '../../core/text.ts';
import type { PgServer } from './psql.ts';
import { type Session, withSession } from './session.ts';

/** A lock on a table that stopped others, and for how long. */
export interface HeldLock {
  readonly table: string;
  /** PostgreSQL's name of the mode. */
  readonly mode: string;
  readonly milliseconds: number;
}

/** How often is looked: a lock that was held for less may not have been seen. */
export const LOOK_EVERY_MS = 20;

// Weaker ones stop neither reading nor writing. A table that the transaction itself has made is not in the catalog for others yet, so
// the join leaves it out: nobody waits for it.
const HELD = `SELECT jsonb_build_object('holder', l.virtualtransaction, 'table', n.nspname || '.' || c.relname, 'mode', l.mode)
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.pid <> pg_backend_pid() AND c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock');`;

interface Row {
  readonly holder: string;
  readonly table: string;
  readonly mode: string;
}

/**
 * Asks a server {@link LOOK_EVERY_MS} after each answer which table locks are held in a database, on a connection that stays open, until
 * stopped. For servers on which nothing but the observed work goes on.
 *
 * @returns `stop`, which gives the lock that was held longest, from the first look that saw it to the last; undefined when none was seen,
 *   and `unknown` when the server could not be asked to the end.
 */
export function watchLocks(ops: Ops, server: PgServer): { stop(): Promise<HeldLock | undefined | 'unknown'> } {
  const stopped = new AbortController();
  const seen = new Map<string, { readonly held: Row; readonly first: number; last: number }>();
  const look = async (session: Session) => {
    while (!stopped.signal.aborted) {
      const lines = await session.send(HELD, 5_000);
      const now = ops.clock.monotonic();
      for (const line of lines.filter(Boolean)) {
        const held = JSON.parse(line) as Row;
        const known = seen.get(line);
        if (known) known.last = now;
        else seen.set(line, { held, first: now, last: now });
      }
      await ops.clock.sleep(LOOK_EVERY_MS, stopped.signal).catch(() => undefined);
    }
  };
  // What is only measured must not fail what is measured.
  const watching = withSession(ops, server, 'whalefall-ops locks', look).then(
    () => true,
    () => false,
  );
  return {
    async stop() {
      stopped.abort();
      if (!(await watching)) return 'unknown';
      const all = [...seen.values()].sort((a, b) => b.last - b.first - (a.last - a.first));
      const [longest] = all;
      if (longest === undefined) return undefined;
      const { table, mode } = longest.held;
      return { table: printable(table), mode, milliseconds: Math.round(longest.last - longest.first) };
    },
  };
}
