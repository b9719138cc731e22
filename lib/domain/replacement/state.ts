import type { Beforehand } from '../../flows/rebuild/inspect-database.ts';
import type { PreparedDatabase } from '../../flows/rebuild/prepare.ts';
import type { Definition } from '../../tools/docker/definition.ts';
import type { Throwaway } from '../../tools/postgres/throwaway.ts';
import type { SavedUserdata } from '../app/userdata.ts';
import type { VerifiedArchive, VerifiedBackup } from '../backup/proofs.ts';
import type { PreviousImage } from '../images/previous.ts';
import type { SchemaObjects } from '../schema/schema-objects.ts';
import type { Database, ServiceRole } from '../stack/stack.ts';
import type { Former, Replacement } from './replace.ts';

/** What a run has put aside so far: all that bringing back what was there needs. Filled step by step. */
export interface PutAside {
  previous?: PreviousImage | undefined;
  userdata?: SavedUserdata | undefined;
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
