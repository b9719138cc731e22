import { firstAbort } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import { backupPg } from '../backup/backup.ts';
import type { VerifiedBackup } from '../backup/proofs.ts';
import { waitForLongTransactions } from '../schema/long-transactions.ts';
import type { Upgrade } from '../schema/upgrade.ts';
import type { Facts } from './facts.ts';

/** What a migration needs, under way before its turn. */
export interface Ahead {
  readonly backup: Promise<VerifiedBackup>;
  /** The migration with the application loaded, once nothing was in its way. */
  readonly upgrade: Upgrade | undefined;
  /** Gives both up, unless they have ended. Never throws. */
  stop(): Promise<void>;
}

/**
 * Waits for transactions that would block the migration, if one comes; then backs up, and has the migration load the application. None of
 * these reads what the check tries, nor the other way round, so all can go on at once.
 *
 * @param load of the migration that comes, as far as it is known by now.
 * @returns whose promise rejects with an {@link OpsError} `precondition` that names a session which goes on.
 */
export function beginAhead(ops: Ops, { database, running }: Facts, load?: (ops: Ops) => Upgrade): Ahead {
  const stopping = new AbortController();
  const inner = { ...ops, signal: firstAbort(ops.signal, stopping.signal) };
  let upgrade: Upgrade | undefined;
  const take = async () => {
    if (load) {
      await waitForLongTransactions(inner, database);
      upgrade = load(ops);
    }
    return backupPg(inner, database, { reason: 'update', commit: running.commit });
  };
  const backup = take();
  const settled = backup.catch(() => undefined);
  return {
    backup,
    get upgrade() {
      return upgrade;
    },
    async stop() {
      stopping.abort();
      await settled;
      await upgrade?.stop();
    },
  };
}
