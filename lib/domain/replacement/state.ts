import type { Container } from '../../tools/docker/containers.ts';
import type { Definition } from '../../tools/docker/definition.ts';
import type { Database } from '../../tools/postgres/database.ts';
import type { DataIdentity } from '../../tools/postgres/identity.ts';
import type { Login } from '../../tools/postgres/login.ts';
import type { Throwaway } from '../../tools/postgres/throwaway.ts';
import type { AdminCreated } from '../app/admin.ts';
import type { SavedUserdata } from '../app/userdata.ts';
import type { VerifiedArchive, VerifiedBackup } from '../backup/proofs.ts';
import type { RequestHold } from '../hold/hold.ts';
import type { PreviousImage } from '../images/previous.ts';
import type { Migrated } from '../schema/migrate.ts';
import type { Schema } from '../schema/revision.ts';
import type { SchemaObjects } from '../schema/schema-objects.ts';
import type { ServiceRole } from '../stack/stack.ts';
import type { Former, Replacement } from './replace.ts';

/** What a run has put aside so far: all that bringing back what was there needs. Filled step by step. */
export interface PutAside {
  /** Requests to the application, which wait while it is replaced, if they can. */
  readonly hold: RequestHold;
  previous?: PreviousImage | undefined;
  userdata?: SavedUserdata | undefined;
  /** userdata can't be read in any way, and a person has agreed to lose it. */
  losesUserdata?: boolean;
  beforehand?: Beforehand | undefined;
  /** The running server that `backup` was taken from. */
  database?: Database | undefined;
  /** The newest verified backup of the database; of its files, when it can't be dumped. */
  backup?: VerifiedBackup | VerifiedArchive | undefined;
  /** A dump is not enough: other databases are in the volume. */
  wholeVolume?: boolean;
  /** `backup` was taken after the application had stopped writing: bringing it back loses nothing. */
  final?: boolean;
  /** The schema directly before a migration of kept data. */
  schemaBefore?: SchemaObjects;
  /** Cold copies of the other volumes, by volume name. */
  readonly archives: Map<string, VerifiedArchive>;
  /** The engine has been asked to stop the application. */
  stopping?: boolean;
  /** Stores that were stopped while their volumes still stood. */
  stoppedStores?: ReadonlySet<ServiceRole>;
  /** Volumes have begun to be deleted. */
  removed?: boolean;
  /** What the application's new container is made of, where that is not what the compose file says. */
  definition?: Definition | undefined;
  /** What serves, described before anything stops, so that it can be made again. */
  formers?: Partial<Record<ServiceRole, Former>>;
  /** New containers that wait beside what serves, or have taken its place. */
  replaced?: Partial<Record<ServiceRole, Replacement>>;
  /** Stores whose place another container has begun to take. */
  takenOver?: ReadonlySet<ServiceRole>;
  /** The database that follows a deletion. */
  prepared?: PreparedDatabase | undefined;
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

/**
 * What was seen while production still served, and stays so when only the application is stopped: the later steps then need no
 * time of the outage to see it again.
 */
export interface Beforehand extends Seen {
  readonly stores: Stores;
}

/** What the steps between the start of the stores and that of the application want to know of the database. */
export interface Seen {
  readonly connection: Connection;
  readonly schema: Schema;
  readonly admin: boolean;
  readonly identity: DataIdentity;
}

/** A new database cluster as files: initialised, migrated, seeded, with its admin; ready to be put into a new volume. */
export interface PreparedDatabase {
  readonly file: string;
  readonly mountPoint: string;
  readonly migrated: Migrated;
  readonly admin: AdminCreated;
  /** What it answered as it was put away: its files say the same when they are started again. */
  readonly seen: Seen;
}
