import type { Checkout } from '../host/checkout.ts';
import type { TableFacts } from '../postgres/contents.ts';
import type { Login } from '../postgres/login.ts';
import type { RunningCode } from '../runbook/running.ts';
import type { BrokenBind } from '../target/binds.ts';
import type { Containers, ExistingVolume } from '../target/containers.ts';
import type { UnusablePort } from '../target/ports.ts';
import type { PublishedPort, Stack } from '../target/stack.ts';

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
  /** Published ports of the stack that the engine could not bind. */
  readonly unusablePorts: readonly UnusablePort[];
  /** What of this machine the services mount and is not there, or not as it was. */
  readonly brokenBinds: readonly BrokenBind[];
  /** How a login over TCP with the password of the new containers goes at the server that runs now; `undefined` when none runs. */
  readonly login: Login | undefined;
  /** Published ports of PostgreSQL and Redis that are reachable from other machines. */
  readonly exposedPorts: readonly PublishedPort[];
  /** Bytes free where backups go. */
  readonly freeBytes: number;
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
  | { readonly kind: 'unreadable'; readonly why: string }
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
  /** Commit that it runs, by its files; `undefined`: none that is known here, or it does not run. */
  readonly commit: string | undefined;
  /** The same, with what else was seen; `undefined` when it does not run. */
  readonly running: RunningCode | undefined;
  /** Commit of the ledger's last release. */
  readonly released: string | undefined;
}
