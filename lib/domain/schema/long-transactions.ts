import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { refuse } from '../../core/refusal.ts';
import { type Blocker, type BlockerRow, blockerOf } from '../../tools/postgres/blocker.ts';
import { type Database, literal, query } from '../../tools/postgres/psql.ts';
import { MIGRATION_NAME } from './flask-db.ts';

/** A transaction that is younger will be over before a migration's lock timeout. */
const LONG_SECONDS = 5;
const LOOK_EVERY_MS = 1_000;
const PATIENCE_MS = 30_000;

/**
 * Sessions of others that hold a lock on a table of this database, since long (a running dump is one of them), or one so strong that
 * it blocks even readers or a dump.
 */
const LONG = `SELECT DISTINCT ON (a.pid) jsonb_build_object('pid', a.pid, 'application', a.application_name,
  'user', a.usename, 'address', host(a.client_addr), 'state', a.state, 'since', a.xact_start, 'query', a.query)
  FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.granted AND l.locktype = 'relation'
  JOIN pg_class c ON c.oid = l.relation AND c.relnamespace <> 'pg_catalog'::regnamespace
  WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
  AND (a.xact_start < clock_timestamp() - interval '${LONG_SECONDS} seconds'
    OR l.mode IN ('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))`;

/**
 * Waits until no session holds a table's lock for long: a migration would queue behind it, and every later reader behind the
 * migration.
 *
 * @throws {OpsError} `precondition` naming those that are still there when the patience is over.
 */
export async function waitForLongTransactions(ops: Ops, db: Database): Promise<void> {
  const look = async () =>
    (await query<BlockerRow>(ops, db, LONG)).map((row) => `\n  - ${blockerOf(row).description}`).join('');
  let list = await look();
  if (list === '') return;
  ops.screen.show({
    event: 'warning',
    text: { en: `Waiting for sessions that hold locks:${list}`, zh: `等待占用表锁的会话结束:${list}` },
  });
  const areGone = await poll(ops, { everyMs: LOOK_EVERY_MS, forMs: PATIENCE_MS }, async () => {
    list = await look();
    return list === '' || undefined;
  });
  if (!areGone) throw stillThere(list);
}

const stillThere = (list: string) =>
  refuse(
    {
      en: `A migration is pending, and after ${PATIENCE_MS / 1000} s these sessions still hold locks that could block it and then everybody:${list}`,
      zh: `有待执行的迁移, 但以下会话在 ${PATIENCE_MS / 1000} 秒后仍占用表锁, 可能阻塞迁移并进而阻塞所有访问:${list}`,
    },
    {
      en: 'Let them finish (a dump, a report), or end one with: SELECT pg_terminate_backend(<pid>); then run this again.',
      zh: '请等待其结束 (例如备份或报表), 或执行 SELECT pg_terminate_backend(<pid>) 将其终止, 然后重新运行.',
    },
  );

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
