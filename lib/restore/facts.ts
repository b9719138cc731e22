import type { DatabaseManifest, Stored } from '../postgres/manifest.ts';
import type { RowCount } from '../postgres/row-counts.ts';
import type { Container, Database, Stack } from '../target/stack.ts';

/** What is to take the database's place. */
export type Incoming =
  | { readonly kind: 'backup'; readonly stored: Stored<DatabaseManifest> }
  /** One that an earlier restore kept. */
  | { readonly kind: 'kept'; readonly database: string };

/** Everything the plan of a restore depends on. */
export interface Facts {
  readonly stack: Stack;
  readonly database: Database;
  readonly app: Container | undefined;
  /** Both health checks were healthy. */
  readonly serving: boolean;
  readonly incoming: Incoming;
  /** Rows of every table now; undefined when they can't be asked: the database may be what is broken. */
  readonly rows: readonly RowCount[] | undefined;
}
