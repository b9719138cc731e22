import type { Ops } from '../../core/ops.ts';
import type { Recovery } from '../../core/step.ts';
import { watchedOf } from '../app/routes.ts';
import { stagingOf } from '../app/staging.ts';
import { watchDowntime } from '../hold/downtime.ts';
import { requestHold } from '../hold/hold.ts';
import { PROVES } from '../ledger/proofs.ts';
import { checkStep } from './check.ts';
import { backupStep, migrateStep } from './database.ts';
import type { Facts } from './facts.ts';
import type { HotRelease } from './hot-release.ts';
import type { UpdateOptions } from './options.ts';
import type { UpdatePlan } from './plan.ts';
import { proveStep } from './prove.ts';
import { restartStep } from './restart-step.ts';
import { settleStep } from './settle.ts';
import { buildStep, saveLocalStep, stageStep } from './stage.ts';
import { switchStep } from './switch.ts';
import { canaryStep } from './try-release.ts';
import { advice, proveAsBefore } from './undo.ts';

/**
 * One hot release, forward or back: its steps in their order, and what speaks for it when one of them fails. Nothing happens yet. Nothing in
 * /app changes before the release has been loaded, migrated for, booted and found healthy beside what serves; a failure after that puts the
 * former files back in the same gentle way.
 */
export function begin(
  { target, paths }: Pick<Ops, 'target' | 'paths'>,
  facts: Facts,
  plan: UpdatePlan,
  options: UpdateOptions,
) {
  const { app, served, source } = facts;
  const forward = options.direction === 'forward';
  const update: HotRelease = {
    target,
    options,
    plan,
    facts,
    staging: stagingOf({ target, paths }, app.id),
    // Of a restart that the plan does not have, and only the trial of the release calls for, nothing was surveyed: requests are refused then.
    hold: requestHold(plan.hold),
    downtime: watchDowntime({ app, routes: watchedOf(served), hold: plan.hold }),
  };
  const steps = {
    saveLocal: saveLocalStep(update),
    build: buildStep(update),
    stage: stageStep(update),
    check: checkStep(update),
    // Old code neither migrates nor needs to: it is tried on the schema as it is.
    backup: forward ? backupStep(update) : undefined,
    migrate: forward ? migrateStep(update) : undefined,
    canary: canaryStep(update),
    switch: switchStep(update),
    restart: restartStep(update),
    prove: proveStep(update),
    settle: settleStep(update),
  };
  const back = facts.running.proved?.commit;
  const recovery: Recovery = {
    prove: (ops) => proveAsBefore(ops, update),
    advice: () => advice(update),
    proves: PROVES['update-prod-flask'],
    // A later process finishes or undoes it by commits, because branches move.
    ...(forward && { also: [`--ref=${source.commit}`] }),
    ...(back !== undefined && { back: { script: 'update-prod-flask', args: [`--ref=${back}`] } }),
  };
  return { run: update, steps, recovery };
}
