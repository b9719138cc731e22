import type { Ops } from '../../core/ops.ts';
import type { Recovery } from '../../core/step.ts';
import { watchedOf } from '../../domain/app/routes.ts';
import type { Beside } from '../../domain/data/restore.ts';
import { watchDowntime } from '../../domain/hold/downtime.ts';
import { requestHold } from '../../domain/hold/hold.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import type { Facts } from '../../domain/restoration/facts.ts';
import { advice, restoreStep, swapStep } from '../../domain/restoration/steps.ts';
import { proveAsBefore, proveStep } from './prove.ts';
import { standstillSteps } from './standstill.ts';

/** One restore: its steps in their order, and what speaks for it when one of them fails. Nothing happens yet. */
export function begin(ops: Pick<Ops, 'target'>, facts: Facts, holds: HoldFacts) {
  const running = facts.app?.state === 'running' ? facts.app : undefined;
  const requests = requestHold(holds);
  const downtime = watchDowntime({ app: running, routes: watchedOf(facts.served), hold: holds });
  const { hold, release } = standstillSteps(facts, holds, requests);
  const swap = swapStep(facts);
  let swapping: Beside | undefined;
  const steps = {
    restore: restoreStep(facts),
    hold,
    swap: {
      ...swap,
      run(o: Ops, beside: Beside) {
        swapping = beside;
        // For whoever finds this run dead.
        o.journal.write({ event: 'way-back', script: 'restore-prod', args: [`--back=${beside.before}`] });
        return swap.run(o, beside);
      },
    },
    release,
    prove: proveStep(facts),
  };
  const recovery: Recovery = {
    prove: (o) => proveAsBefore(o, facts, downtime),
    advice: () => advice(ops, facts, swapping),
    proves: PROVES['restore-prod'],
    ...(facts.incoming.kind === 'backup' && { also: [facts.incoming.stored.dir] }),
  };
  return { steps, recovery, downtime, requests };
}
