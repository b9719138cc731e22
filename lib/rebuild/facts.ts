import type { Checkout } from '../host/checkout.ts';
import type { TableFacts } from '../postgres/contents.ts';
import type { Containers, ExistingVolume } from '../target/containers.ts';
import type { PublishedPort, Stack } from '../target/stack.ts';
import type { Text } from '../text.ts';

/** Everything the plan of a full rebuild depends on, as the survey found it. Plain data: no secret, no handle. */
export interface Facts {
  readonly engine: string;
  readonly compose: string;
  readonly checkout: Checkout;
  /** `created` after asking, when it was absent; `would-create` under `--plan`. */
  readonly env: 'present' | 'created' | 'would-create';
  readonly stack: Stack;
  readonly containers: Containers;
  readonly volumes: readonly ExistingVolume[];
  readonly database: DatabaseFacts;
  readonly app: AppFacts | undefined;
  /** Published ports of the stack that something else listens on. */
  readonly takenPorts: readonly PublishedPort[];
  /** Published ports of PostgreSQL and Redis that are reachable from other machines. */
  readonly exposedPorts: readonly PublishedPort[];
  /** Bytes free where backups go. */
  readonly freeBytes: number;
  /** Files by which pending migrations commit on their way: a failure leaves what came before. */
  readonly midway: readonly string[];
  /** What the survey took. */
  readonly milliseconds: number;
  /** Whether the running stores already are what the compose file says. */
  readonly storesCurrent: boolean;
}

export type DatabaseFacts =
  /** No database volume. */
  | { readonly kind: 'none' }
  /** The volume exists, its server does not run. */
  | { readonly kind: 'stopped' }
  /** The server runs and could not be asked. */
  | { readonly kind: 'unreadable'; readonly why: Text }
  | {
      readonly kind: 'running';
      readonly bytes: number;
      readonly tables: number;
      readonly largest: readonly TableFacts[];
      /** Alembic's revision; `undefined` without a version table. */
      readonly revision: string | undefined;
      /** Rules that let somebody in from elsewhere without a password. */
      readonly remoteTrust: number;
    };

export interface AppFacts {
  /** Bytes in userdata, which dies with the container. */
  readonly userdataBytes: number;
  /** Both health checks were healthy. */
  readonly serving: boolean;
  /** Commit that the container says it runs. */
  readonly commit: string | undefined;
}
