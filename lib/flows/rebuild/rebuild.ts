import type { VerifiedArchive } from '../../domain/backup/proofs.ts';
import type { Cutover } from '../../domain/replacement/cutover.ts';
import type { Schema } from '../../domain/schema/revision.ts';
import type { SchemaObjects } from '../../domain/schema/schema-objects.ts';
import type { Upgrade } from '../../domain/schema/upgrade.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { DataIdentity } from '../../tools/postgres/identity.ts';
import type { Login } from '../../tools/postgres/login.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import type { Throwaway } from '../../tools/postgres/throwaway.ts';
import type { RebuildPlan } from './plan.ts';

/** One full rebuild, and how far it has come. */
export interface Rebuild extends Cutover {
  readonly plan: RebuildPlan;
  storesBefore?: Started | undefined;
  /** The migration, which has loaded the application before anybody waits. */
  upgrade?: Upgrade | undefined;
  /** The running server that `backup` was taken from. */
  database?: Database | undefined;
  /** A dump is not enough: other databases are in the volume. */
  wholeVolume?: boolean;
  /** `backup` was taken after the application had stopped writing: bringing it back loses nothing. */
  final?: boolean;
  /** The schema directly before a migration of kept data. */
  schemaBefore?: SchemaObjects;
  /** Cold copies of the other volumes, by volume name. */
  readonly archives: Map<string, VerifiedArchive>;
  /** Stores that were stopped while their volumes still stood. */
  stoppedStores?: ReadonlySet<ServiceRole>;
  /** Stores whose place another container has begun to take. */
  takenOver?: ReadonlySet<ServiceRole>;
  /** A server for verifications, started before the outage. */
  throwaway?: Throwaway | undefined;
}

export interface Stores {
  readonly database: Database;
  readonly redis: Container;
}

/** How a login over TCP goes, the application's and a stranger's. */
export interface Connection {
  readonly login: Login;
  /** The database lets strangers in, or its pg_hba.conf can't be relied upon. */
  readonly open: boolean;
}

/** What the steps between the start of the stores and that of the application want to know of the database. */
export interface Seen {
  readonly connection: Connection;
  readonly schema: Schema;
  readonly admin: boolean;
  readonly identity: DataIdentity;
}

/**
 * The stores that run, and what was seen of them: if only the application is stopped, while production still served; the later steps then
 * need no time of the outage to see it again.
 */
export interface Started extends Seen {
  readonly stores: Stores;
}
