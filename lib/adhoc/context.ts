import type { Ops } from '../core/ops.ts';
import type { Containers } from '../domain/stack/containers.ts';
import type { Stack } from '../domain/stack/stack.ts';

/** What the parts of a handle are made of. */
export interface Context {
  readonly ops: Ops;
  readonly stack: Stack;
  /** As found when the handle was made. */
  readonly containers: Containers;
  /** What a command counts as that nobody can judge: `change` inside a step, which journals it and lets it end; else `read`. */
  readonly effect: 'read' | 'change';
}
