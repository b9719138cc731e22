import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { discardBackup } from '../backup/directory.ts';
import { type Expendable, isExpendable } from '../backup/retention.ts';
import { type Consent, isConsent } from './consent.ts';

/**
 * Removes backups, one after the other: each first loses its name, so that a crash leaves none that looks complete. Call it under the
 * lock.
 *
 * @throws {OpsError} `precondition` for one that was not consented to, or has changed since; those before it are gone.
 */
export function removeBackups(ops: Ops, going: readonly Expendable[], consent: Consent): void {
  if (!isConsent(consent) || !going.every(isExpendable)) throw noProof();
  for (const { stored } of going) consent.checkBackup(stored.dir);
  for (const { stored } of going) {
    ops.signal.throwIfAborted();
    const intent = ops.journal.write({ event: 'intent', command: `rm -r ${stored.dir}` });
    const started = ops.clock.monotonic();
    discardBackup(stored.dir);
    const milliseconds = Math.round(ops.clock.monotonic() - started);
    ops.journal.write({ event: 'result', of: intent, exitCode: 0, milliseconds });
  }
}

const noProof = () =>
  unmet({
    en: 'Backups are removed only with a consent, and only those that the retention policy gave up.',
    zh: '只有经过确认且保留策略允许删除的备份才能删除.',
  });
