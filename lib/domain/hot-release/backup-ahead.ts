import { firstAbort } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import { backupPg } from '../backup/backup.ts';
import type { VerifiedBackup } from '../backup/proofs.ts';
import { waitForLongTransactions } from '../schema/long-transactions.ts';
import type { Facts } from './facts.ts';

/** How long a session that would block the migration is waited for. */
export const PATIENCE_MS = 30_000;

/** A backup under way. */
export interface BackupAhead {
  readonly taken: Promise<VerifiedBackup>;
  /** Gives it up, unless it has ended. Never throws. */
  stop(): Promise<void>;
}

/**
 * Waits for transactions that would block the migration, if one comes, then backs up. Neither reads what the check tries, nor the other
 * way round, so both can go on at once.
 *
 * @param migrates as far as it is known by now.
 * @returns whose promise rejects with an {@link OpsError} `precondition` that names a session which goes on.
 */
export function beginBackup(ops: Ops, { database, running }: Facts, migrates: boolean): BackupAhead {
  const stopping = new AbortController();
  const inner = { ...ops, signal: firstAbort(ops.signal, stopping.signal) };
  const take = async () => {
    if (migrates) await waitForLongTransactions(inner, database, PATIENCE_MS);
    return backupPg(inner, database, { reason: 'update', commit: running.commit });
  };
  const taken = take();
  const settled = taken.then(
    () => undefined,
    () => undefined,
  );
  return {
    taken,
    async stop() {
      stopping.abort();
      await settled;
    },
  };
}
