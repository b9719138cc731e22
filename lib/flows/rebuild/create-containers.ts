import type { Ops } from '../../core/ops.ts';
import { createNew } from '../../domain/replacement/create.ts';
import type { PutAside } from '../../domain/replacement/state.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { RebuildPlan } from './plan.ts';

/** Those of a full rebuild. */
export const createForPlan = (
  ops: Ops,
  facts: Facts,
  { replaces, deletes }: RebuildPlan,
  aside: PutAside,
): Promise<void> => createNew(ops, facts, aside, { roles: replaces, deletes: deletes.map((v) => v.name) });
