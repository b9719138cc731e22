import type { Health } from '../../domain/app/health.ts';
import type { Migrated } from '../../domain/schema/migrate.ts';
import type { HeldLock } from '../../tools/postgres/longest-lock.ts';
import type { Passwords } from './environment.ts';
import type { Facts } from './facts.ts';

/** One drill, and how far it has come: what is recorded of it, also when it fails. Durations in milliseconds. */
export interface Rehearsal {
  readonly facts: Facts;
  /** Id of the step that is under way. */
  step: string;
  /** On the clock that never steps back. */
  readonly startedAt: number;
  /** By the wall clock: what a disaster at this moment would have cost. */
  readonly startedOn: number;
  /** Its stores have passwords of their own, which are as secret as production's and die with it. */
  readonly own: Passwords;
  migrated?: Migrated;
  longestLock?: HeldLock | undefined | 'unknown';
  health?: Health;
  restoreMs?: number;
  migrateMs?: number;
  bootMs?: number;
  /** From the start until the application was healthy. */
  recoverMs?: number;
}
