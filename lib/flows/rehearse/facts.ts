import type { Health } from '../../domain/app/health.ts';
import type { DatabaseManifest, Stored } from '../../domain/backup/manifest.ts';
import type { Migrated } from '../../domain/schema/migrate.ts';
import type { Containers } from '../../domain/stack/containers.ts';
import type { Stack } from '../../domain/stack/stack.ts';
import type { HeldLock } from '../../tools/postgres/longest-lock.ts';
import type { Passwords } from './environment.ts';
import type { Limits } from './limits.ts';

/** The code that is to be booted on the restored data. */
export type Code = {
  /** Full id; undefined when the container does not say what it runs. */
  readonly commit: string | undefined;
  /** Foreign text: show it through `printable`. */
  readonly subject: string;
} & (
  | { readonly kind: 'image'; readonly imageId: string }
  /** No image is known to have it: built from the commit, under a name that goes with the drill. */
  | { readonly kind: 'build'; readonly commit: string }
);

/** Everything the plan of a drill depends on. */
export interface Facts {
  readonly stack: Stack;
  /** Production's, looked at and left alone. */
  readonly production: Containers;
  readonly backup: Stored<DatabaseManifest>;
  readonly code: Code;
  /** Ids of what PostgreSQL and Redis would be started from in a recovery. */
  readonly images: { readonly postgres: string; readonly redis: string };
  readonly limits: Limits;
}

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
