import type { Command } from '../../core/command.ts';
import { CommandError } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import type { Blocker } from './blocker.ts';

/** Sessions of this database with a lock so strong that not even readers pass. */
export const HOLDERS = `SELECT DISTINCT ON (a.pid) jsonb_build_object('pid', a.pid, 'application', a.application_name,
  'user', a.usename, 'address', host(a.client_addr), 'state', a.state, 'since', a.xact_start, 'query', a.query)
  FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.granted AND l.locktype = 'relation'
  AND l.mode = 'AccessExclusiveLock' WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()`;

/** A table could not be looked at, because somebody keeps even readers out. Nobody waits for that: production's readers wait too. */
export class TableLocked extends CommandError {
  override readonly what: Text;
  override readonly next: readonly Text[];
  override readonly exitCode = 3;

  constructor(command: Command, { output }: CommandError, holders: readonly Blocker[]) {
    super(command, output, 'command', 'psql');
    const list = holders.map((b) => `\n  - ${b.description}`).join('') || '\n  - ?';
    this.what = {
      en: `A table is locked, so that nobody can read it; held by:${list}`,
      zh: `有表被锁定, 任何会话都无法读取; 占用者:${list}`,
    };
    this.next = [
      {
        en: 'Let it finish, or end it with: SELECT pg_terminate_backend(<pid>); then run this again.',
        zh: '请等待其结束, 或执行 SELECT pg_terminate_backend(<pid>) 将其终止, 然后重新运行.',
      },
    ];
  }

  static caused(error: unknown): error is CommandError {
    return error instanceof CommandError && /canceling statement due to lock timeout/.test(error.output.stderr);
  }
}
