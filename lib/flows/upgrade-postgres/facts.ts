import type { HoldFacts } from '../../domain/hold/survey.ts';
import type { Served } from '../../domain/stack/deployment.ts';
import type { Stack } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { Capabilities } from '../../tools/postgres/capabilities.ts';
import type { DataIdentity } from '../../tools/postgres/identity.ts';
import type { Database } from '../../tools/postgres/psql.ts';

/** An image of PostgreSQL. */
export interface PostgresImage {
  /** As it was asked for. */
  readonly reference: string;
  readonly id: string;
  /** `18` */
  readonly major: string;
  /** Where it wants a volume: at its data directory, or above it. */
  readonly mountPoint: string;
}

/** The volume that the compose file gives to the new server, or why it can't be that one. */
export type Room = { readonly volume: string; readonly mountPoint: string } | { readonly missing: 'image' | 'volume' };

/** Everything that an upgrade depends on. */
export interface Facts {
  readonly stack: Stack;
  readonly to: PostgresImage;
  readonly room: Room;
  /** As it serves now. */
  readonly database: Database;
  readonly identity: DataIdentity;
  readonly capabilities: Capabilities;
  /** Bytes of the database. */
  readonly bytes: number;
  /** Databases that restores have left beside it: they stay in the former volume. */
  readonly left: readonly string[];
  readonly app: Container | undefined;
  /** What nginx leads people to; undefined when the application does not run. */
  readonly served: Served | undefined;
  readonly hold: HoldFacts;
}

/** What a trial took. */
export interface Measured {
  /** Milliseconds until everything was restored, compared and had its statistics. */
  readonly restore: number;
  /** Milliseconds of the backup. */
  readonly backup: number;
  /** Bytes of the whole cluster under the new version. */
  readonly bytes: number;
}
