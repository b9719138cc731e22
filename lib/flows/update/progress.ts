import type { Placement } from '../../domain/app/place.ts';
import type { Staging } from '../../domain/app/staging.ts';
import type { VerifiedBackup } from '../../domain/backup/proofs.ts';
import type { RequestHold } from '../../domain/hold/hold.ts';
import type { SavedLocal } from '../../domain/release/save-local.ts';
import type { Migrated } from '../../domain/schema/migrate.ts';
import type { SchemaObjects } from '../../domain/schema/schema-objects.ts';

/** How far a run has come: what undoing and the summary need. Filled step by step. */
export interface Progress {
  readonly staging: Staging;
  /** Requests, which wait while the container is restarted, if they can. */
  readonly hold: RequestHold;
  savedLocal?: SavedLocal | undefined;
  backup?: VerifiedBackup | undefined;
  migrated?: Migrated | undefined;
  /** The schema directly before a migration. */
  schemaBefore?: SchemaObjects | undefined;
  /** What an upgrade said that failed. */
  upgradeSaid?: string;
  /** gunicorn's master of the release that boots beside what serves. */
  canary?: number | undefined;
  placement?: Placement | undefined;
  /** What of the placement's paths existed, and is kept. */
  kept?: readonly string[] | undefined;
  /** The switch has begun and was not taken back: files in place may be new. */
  switching?: boolean;
  /** Processes have been asked to take the new code. */
  restarting?: boolean;
}
