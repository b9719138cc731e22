import type { Ops } from '../../core/ops.ts';
import { throwIfAny } from '../../core/refusal.ts';
import { misplacedData, unreadable } from '../../domain/replacement/data-refusals.ts';
import { findDetached, surveyDatabase } from '../../domain/replacement/survey-data.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { findHomes } from '../../domain/stack/homes.ts';
import type { RebuildPlan } from './plan.ts';

/**
 * Looks once more at where the data is, if images were missing that tell it, now that they are here and nothing has stopped.
 *
 * @throws {OpsError} `precondition` as {@link planRebuild}.
 */
export async function lookAgain(ops: Ops, facts: Facts, { data }: Pick<RebuildPlan, 'data'>): Promise<void> {
  const { stack, containers } = facts;
  const unseen = facts.database.kind === 'stopped' && facts.database.found === undefined;
  if (facts.data.unknown.length === 0 && facts.detached !== undefined && !unseen) return;
  const database = unseen ? await surveyDatabase(ops, facts) : facts.database;
  const homes = await findHomes(ops, stack, containers);
  const detached = await findDetached(ops, facts, database);
  const misplaced = misplacedData(ops.target, { ...facts, database, data: homes, detached });
  throwIfAny([...misplaced, ...unreadable({ database }, data)]);
}
