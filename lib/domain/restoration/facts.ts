import type { Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { DataIdentity } from '../../tools/postgres/identity.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import type { RowCount } from '../../tools/postgres/row-counts.ts';
import type { ServerDisk } from '../../tools/postgres/server-disk.ts';
import type { Health } from '../app/health.ts';
import type { DatabaseManifest, Stored } from '../backup/manifest.ts';
import type { Roles } from '../backup/roles.ts';
import type { DatabaseSize, LeftDatabase } from '../data/left-databases.ts';
import type { Served } from '../stack/deployment.ts';
import type { Stack } from '../stack/stack.ts';

/** What is to take the database's place. */
export type Incoming =
  | {
      readonly kind: 'backup';
      readonly stored: Stored<DatabaseManifest>;
      readonly roles: Roles;
      /** How the cluster's roles differ from those of the backup, a line each, with what becomes of it. */
      readonly roleDifferences: readonly Text[];
      /** Tablespaces that are not here. */
      readonly missingTablespaces: readonly string[];
    }
  /** One that an earlier restore kept. */
  | { readonly kind: 'kept'; readonly database: string; readonly rows: readonly RowCount[] | undefined };

export interface Swapped {
  /** That run. */
  readonly run: string;
  /** What it has put aside is called so; undefined when there was none, or it is dropped. */
  readonly before: string | undefined;
}

/** Everything the plan of a restore depends on. */
export interface Facts {
  readonly stack: Stack;
  readonly database: Database;
  /** The cluster, as seen from outside of its databases. */
  readonly identity: DataIdentity;
  /** As it was before; undefined when there is no database of this name. */
  readonly before: DatabaseSize | undefined;
  readonly app: Container | undefined;
  /** Undefined when the application does not run. */
  readonly health: Health | undefined;
  /** What else nginx leads people to; undefined when it does not run. */
  readonly served: Served | undefined;
  readonly incoming: Incoming;
  /** Rows of every table now; undefined when they can't be asked: the database may be what is broken. */
  readonly rows: readonly RowCount[] | undefined;
  /** What earlier restores left beside it. */
  readonly left: readonly LeftDatabase[];
  /** Undefined when nothing will be written: the database that is to come is there. */
  readonly disk: ServerDisk | undefined;
  /** A run that was killed had come as far as the swap: what is in use is what was to come. */
  readonly swapped: Swapped | undefined;
  /** When all this was so; milliseconds since the epoch. */
  readonly at: number;
}

/** What is to be restored. */
export type Wanted =
  /** A backup's directory or name, or `latest`. */
  | { readonly kind: 'backup'; readonly backup: string; readonly roles?: Roles }
  /** A database that an earlier restore kept is to be in use again. */
  | { readonly kind: 'back'; readonly database: string };
