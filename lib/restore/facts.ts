import type { Health } from '../app/health.ts';
import type { DatabaseSize, LeftDatabase } from '../postgres/databases.ts';
import type { DataIdentity } from '../postgres/identity.ts';
import type { DatabaseManifest, Stored } from '../postgres/manifest.ts';
import type { Roles } from '../postgres/roles.ts';
import type { RowCount } from '../postgres/row-counts.ts';
import type { ServerDisk } from '../postgres/server-disk.ts';
import type { Container, Database, Stack } from '../target/stack.ts';
import type { Text } from '../text.ts';

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
  readonly incoming: Incoming;
  /** Rows of every table now; undefined when they can't be asked: the database may be what is broken. */
  readonly rows: readonly RowCount[] | undefined;
  /** What earlier restores left beside it. */
  readonly left: readonly LeftDatabase[];
  /** Undefined when nothing will be written: the database that is to come is there. */
  readonly disk: ServerDisk | undefined;
  /** When all this was so; milliseconds since the epoch. */
  readonly at: number;
}
