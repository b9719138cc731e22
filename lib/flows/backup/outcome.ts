import type { Manifest } from '../../domain/backup/manifest.ts';

type Verification = Manifest['verification'];

/** How a verification ended: at which level, and what it found wrong. */
export interface Outcome {
  readonly level: Exclude<Verification['level'], 'none'>;
  readonly milliseconds: number;
  readonly failure?: string;
}

const RANKS: readonly Verification['level'][] = ['none', 'checksum', 'readable', 'started', 'restored'];
const rank = (level: Verification['level']) => RANKS.indexOf(level);

/**
 * What the manifest says after another verification. A cheaper one that went well takes back neither a better one nor what a better
 * one found wrong; one that found something wrong counts at any level.
 *
 * @returns `before` itself when nothing is to be noted.
 */
export function afterVerification(before: Verification, outcome: Outcome, at: string): Verification {
  const { level, milliseconds, failure } = outcome;
  if (failure !== undefined) return { level: 'none', at, milliseconds, failure: { level, what: failure } };
  const stands = before.failure?.level ?? before.level;
  return rank(level) < rank(stands) ? before : { level, at, milliseconds };
}
