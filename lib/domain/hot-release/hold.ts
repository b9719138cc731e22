import type { Ops } from '../../core/ops.ts';
import { surveyHold } from '../hold/survey.ts';
import type { Facts } from './facts.ts';
import type { UpdateOptions } from './options.ts';
import { planUpdate, type UpdatePlan } from './plan.ts';
import { restartedInSight } from './restart.ts';

/**
 * The plan, and where it restarts the container, or a program that nginx leads people to, whether requests can wait meanwhile.
 *
 * @param tries see {@link surveyHold}.
 */
export async function planWithHold(
  ops: Ops,
  facts: Facts,
  options: UpdateOptions,
  tries: boolean,
): Promise<UpdatePlan | undefined> {
  const plan = planUpdate(ops.target, facts, options);
  if (plan === undefined) return undefined;
  if (plan.restart.kind !== 'container' && restartedInSight(facts, plan.ways).length === 0) return plan;
  return planUpdate(ops.target, facts, options, await surveyHold(ops, facts.app, options.hold, tries));
}
