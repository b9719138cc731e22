import { type Command, CommandError } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import type { Blocker } from './blocker.ts';

/**
 * Who keeps even readers from a table of this database: sessions with a lock on it, waiting for one (whoever comes later waits behind them),
 * or in the way of those that wait; and prepared transactions, which have no session any more.
 */
export const HOLDERS = `(SELECT DISTINCT ON (a.pid) jsonb_build_object('pid', a.pid, 'application', a.application_name,
  'user', a.usename, 'address', host(a.client_addr), 'state', a.state, 'since', a.xact_start, 'query', a.query)
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  CROSS JOIN LATERAL unnest(l.pid || pg_blocking_pids(l.pid)) AS p JOIN pg_stat_activity a ON a.pid = p
  WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND a.datname = current_database() AND a.pid <> pg_backend_pid())
UNION ALL (SELECT DISTINCT jsonb_build_object('prepared', x.gid, 'user', x.owner, 'since', x.prepared)
  FROM pg_prepared_xacts x JOIN pg_locks t ON t.locktype = 'transactionid' AND t.transactionid = x.transaction AND t.pid IS NULL
  JOIN pg_locks l ON l.virtualtransaction = t.virtualtransaction AND l.pid IS NULL AND l.locktype = 'relation'
  JOIN pg_locks w ON w.locktype = 'relation' AND w.relation = l.relation AND w.database = l.database AND w.mode = 'AccessExclusiveLock'
  JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm') WHERE x.database = current_database())`;

/** pg_dump's --lock-wait-timeout is the statement timeout of its LOCK TABLE. */
const CANCELED = /canceling statement due to (?:lock timeout|statement timeout[\s\S]*?Query was: LOCK TABLE )/i;

/** A table could not be looked at, because somebody keeps even readers out. Nobody waits for that: production's readers wait too. */
export class TableLocked extends CommandError {
  override readonly what: Text;
  override readonly next: readonly Text[];
  override readonly exitCode = 3;

  constructor(command: Command, { output }: CommandError, holders: readonly Blocker[]) {
    super(command, output, 'command', 'psql');
    this.what = lockedText(holders);
    this.next = [END_IT];
  }

  static caused(error: unknown): error is CommandError {
    return error instanceof CommandError && CANCELED.test(error.output.stderr);
  }
}

export function lockedText(holders: readonly Blocker[]): Text {
  const list = holders.map((b) => `\n  - ${b.description}`).join('') || '\n  - ?';
  return {
    en: `A table is locked, so that nobody can read it; held by:${list}`,
    zh: `有表被锁定, 任何会话都无法读取; 占用者:${list}`,
  };
}

export const END_IT: Text = {
  en: 'Let it finish, or end it with: SELECT pg_terminate_backend(<pid>); a prepared transaction in its database with: ROLLBACK PREPARED (or COMMIT PREPARED). Then run this again.',
  zh: '请等待其结束, 或执行 SELECT pg_terminate_backend(<pid>) 将其终止; 预备事务须在其所在数据库中执行 ROLLBACK PREPARED (或 COMMIT PREPARED). 然后重新运行.',
};
