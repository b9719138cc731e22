import type { Engine } from './engine.ts';
import type { Ledger } from './ledger.ts';
import type { Call } from './process.ts';
import type { Release } from './release.ts';

/** The machine, as its programs see it. */
export interface Host {
  readonly engine: Engine;
  readonly ledger: Ledger;
  /** What is checked out in the deploy directory. */
  readonly release: Release;
  /** Images that a registry would give, by reference. */
  readonly registry: ReadonlyMap<string, 'postgres' | 'redis'>;
  /** Where docker finds its engine. */
  readonly endpoint: string;
  /** Whether the application's container dies during the call. */
  readonly cut: boolean;
  changed(call: Call): void;
}
