import type { Ops } from '../../core/ops.ts';
import { haltApp, keepUserdata } from '../../domain/replacement/app-container.ts';
import type { OutsideView } from '../../domain/replacement/downtime.ts';
import type { PutAside } from '../../domain/replacement/state.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { lookBeforehand } from './inspect-database.ts';
import type { RebuildPlan } from './plan.ts';

/** Stops the application and saves what only its container holds. From here on production is down, and measured. */
export async function stopApp(
  ops: Ops,
  facts: Facts,
  plan: RebuildPlan,
  aside: PutAside,
  outside: OutsideView,
): Promise<void> {
  const { app } = facts.containers;
  if (app === undefined) return;
  aside.beforehand = await lookBeforehand(ops, facts, plan);
  await haltApp(ops, app, aside, outside);
  if (plan.deletes.length === 0 || !plan.backup) await keepUserdata(ops, facts, aside);
}
