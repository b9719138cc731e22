import type { Ops } from '../host/ops.ts';
import type { Database } from '../target/stack.ts';
import { printable } from '../text.ts';
import { MIGRATION_NAME } from './flask-db.ts';
import { literal, query } from './psql.ts';

/** A session that held a lock which the migration needed. */
export interface Blocker {
  readonly pid: number;
  /** One line for people, without the values in its query. */
  readonly description: string;
}

interface Row {
  pid: number;
  application: string | null;
  user: string | null;
  address: string | null;
  state: string | null;
  since: string | null;
  query: string | null;
}

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
      const rows = await query<Row>(ops, db, BLOCKERS);
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

export function blockerOf(row: Row): Blocker {
  const from = row.address ?? 'socket';
  const query = printable(withoutValues(row.query ?? ''))
    .replace(/\s+/g, ' ')
    .slice(0, 80);
  return {
    pid: row.pid,
    description: `pid ${row.pid} · ${printable(row.application || '?')} · ${printable(row.user ?? '?')} · ${from} · ${row.state ?? '?'} · ${row.since ?? '?'} · ${query}`,
  };
}

/** The query without its literals and comments, which may hold secrets; an unfinished one is cut off. */
export function withoutValues(query: string): string {
  return query.replace(
    /"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(?:\b[eE])?'(?:[^'\\]|''|\\[\s\S])*(?:'|$)|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/g,
    (match) => (match.startsWith('"') ? match : /^(--|\/\*)/.test(match) ? ' ' : "'…'"),
  );
}
