import { NOTHING_CHANGED, OpsError } from './errors.ts';
import type { Text } from './text.ts';

/** Why something must not be done, and what to do about it. */
export interface Reason {
  readonly text: Text;
  readonly fix: Text;
}

/** @throws {OpsError} `precondition` with all reasons at once; what mends several of them is said once. */
export function throwIfAny(reasons: readonly Reason[]): void {
  if (reasons.length === 0) return;
  throw new OpsError({
    kind: 'precondition',
    what: { en: reasons.map((r) => r.text.en).join('\n'), zh: reasons.map((r) => r.text.zh).join('\n') },
    state: NOTHING_CHANGED,
    next: [...new Map(reasons.map((r) => [r.fix.en, r.fix])).values()],
  });
}
