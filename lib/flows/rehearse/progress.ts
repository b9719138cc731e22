import { randomBytes } from 'node:crypto';
import type { Ops } from '../../core/ops.ts';
import type { Health } from '../../domain/app/health.ts';
import type { Migrated } from '../../domain/schema/migrate.ts';
import type { Database } from '../../tools/postgres/database.ts';
import type { HeldLock } from '../../tools/postgres/longest-lock.ts';
import type { Passwords } from './environment.ts';

/** How far a drill has come. Durations in milliseconds. */
export interface Progress {
  /** Id of the step that is under way. */
  step: string;
  /** On the clock that never steps back. */
  readonly startedAt: number;
  /** By the wall clock: what a disaster at this moment would have cost. */
  readonly startedOn: number;
  readonly own: Passwords;
  imageId?: string;
  database?: Database;
  migrated?: Migrated;
  longestLock?: HeldLock | undefined | 'unknown';
  health?: Health;
  restoreMs?: number;
  migrateMs?: number;
  bootMs?: number;
  /** From the start until the application was healthy. */
  recoverMs?: number;
}

/** The drill begins now. Its stores get passwords of their own, which are as secret as production's and die with it. */
export function begin(ops: Pick<Ops, 'clock' | 'secrets'>): Progress {
  const password = () => randomBytes(24).toString('base64url');
  const own = { database: password(), redis: password() };
  ops.secrets.add(own.database, own.redis);
  return { step: '', startedAt: ops.clock.monotonic(), startedOn: ops.clock.now(), own };
}
