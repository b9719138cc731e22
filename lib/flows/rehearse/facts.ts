import type { DatabaseManifest, Stored } from '../../domain/backup/manifest.ts';
import type { Containers } from '../../domain/stack/containers.ts';
import type { Stack } from '../../domain/stack/stack.ts';
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
