import type { Target } from '../../core/target.ts';
import type { Inventory } from '../app/inventory.ts';
import type { Kept, Placement } from '../app/place.ts';
import type { Staging } from '../app/staging.ts';
import type { VerifiedBackup } from '../backup/proofs.ts';
import type { DowntimeWatch } from '../hold/downtime.ts';
import type { RequestHold } from '../hold/hold.ts';
import type { SavedLocal } from '../release/save-local.ts';
import type { Migrated } from '../schema/migrate.ts';
import type { SchemaObjects } from '../schema/schema-objects.ts';
import type { Ahead } from './ahead.ts';
import type { Facts } from './facts.ts';
import type { UpdateOptions } from './options.ts';
import type { UpdatePlan } from './plan.ts';

/** One hot release, forward or back, and how far it has come: what undoing and the summary need. Filled step by step. */
export interface HotRelease {
  readonly target: Target;
  readonly options: UpdateOptions;
  readonly plan: UpdatePlan;
  /** As surveyed; of what is built, once it is. */
  facts: Facts;
  readonly staging: Staging;
  /** Requests, which wait while the container is restarted, if they can. */
  readonly hold: RequestHold;
  readonly downtime: DowntimeWatch;
  savedLocal?: SavedLocal | undefined;
  /** What has begun before its step. */
  ahead?: Ahead;
  backup?: VerifiedBackup | undefined;
  migrated?: Migrated | undefined;
  /** The schema directly before a migration. */
  schemaBefore?: SchemaObjects | undefined;
  /** What an upgrade said that failed. */
  upgradeSaid?: string;
  /** gunicorn's master of the release that boots beside what serves. */
  canary?: number | undefined;
  placement?: Placement | undefined;
  /** What the way back puts in place again. */
  kept?: Kept | undefined;
  /** Files below the application's root after that, where a run was killed that had begun to replace them, and they are back. */
  before?: Inventory | undefined;
  /** How many workers of the web program are to run the release; not known where the container is restarted. */
  workers?: number | undefined;
  /** The switch has begun and was not taken back: files in place may be new. */
  switching?: boolean;
}
