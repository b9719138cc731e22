import type { Ops } from '../../core/ops.ts';
import type { Beside } from '../../domain/data/restore.ts';
import { advice } from '../../domain/restoration/advice.ts';
import type { Facts } from '../../domain/restoration/facts.ts';
import { restoreStep, swapStep } from '../../domain/restoration/steps.ts';
import type { Recovery } from '../../runs/steps/steps.ts';
import { watchFromOutside } from './downtime.ts';
import { pauseSteps } from './pause.ts';
import { proveAsBefore, proveStep } from './prove.ts';

/** One restore: its steps in their order, and what speaks for it when one of them fails. Nothing happens yet. */
export function begin(ops: Ops, facts: Facts) {
  const outside = watchFromOutside(ops, facts);
  const { pause, resume } = pauseSteps(facts);
  const swap = swapStep(facts);
  let swapping: Beside | undefined;
  const steps = {
    restore: restoreStep(facts),
    pause,
    swap: {
      ...swap,
      run(o: Ops, beside: Beside) {
        swapping = beside;
        // For whoever finds this run dead.
        o.journal.write({ event: 'way-back', script: 'restore-prod', args: [`--back=${beside.before}`] });
        return swap.run(o, beside);
      },
    },
    resume,
    prove: proveStep(facts),
  };
  const recovery: Recovery = {
    prove: (o) => proveAsBefore(o, facts, outside),
    advice: () => advice(ops, facts, swapping),
  };
  return { steps, recovery, outside };
}
