import type { Ops } from '../../core/ops.ts';
import { say } from '../../core/screen.ts';
import type { Recovery } from '../../core/step.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import type { Facts, Swapped } from '../../domain/restoration/facts.ts';
import { advice } from '../../domain/restoration/steps.ts';
import { showSteps } from '../../runs/steps/show-steps.ts';
import { carryOut } from '../../runs/steps/steps.ts';
import { backCommand } from './commands.ts';
import { conclude } from './conclude.ts';
import { proveStep } from './prove.ts';

/** What is missing of a restore that was killed after its swap: the application goes on by itself, and the way back is to what was there before that run. */
export async function finish(ops: Ops, facts: Facts, { run, before }: Swapped, planOnly: boolean): Promise<Text> {
  const name = printable(facts.database.name);
  say(ops.screen, 'info', {
    en: `Database ${name} is already what was asked for: run ${run} had swapped it in when it was killed. What is missing is the proof. To restore once more, run this again after that.`,
    zh: `数据库 ${name} 已是所要的数据: 运行 ${run} 在被强制终止前已完成交换, 只差验证. 如需再恢复一次, 请在此之后重新执行.`,
  });
  const steps = { prove: proveStep(facts) };
  showSteps(ops.screen, steps);
  if (planOnly) return ONLY_PLANNED;
  const back = before === undefined ? [] : [same(printable(backCommand(before)))];
  const recovery: Recovery = {
    prove: async () => ({
      en: `Database ${name} is the one that run ${run} swapped in${before ? `; the former one is ${printable(before)}` : ''}.`,
      zh: `数据库 ${name} 是运行 ${run} 换入的库${before ? `; 原数据库为 ${printable(before)}` : ''}.`,
    }),
    advice: () => [...advice(ops, facts, undefined), ...back],
    proves: PROVES['restore-prod'],
    ...(before !== undefined && { back: { script: 'restore-prod', args: [`--back=${before}`] } }),
  };
  const proven = await carryOut(ops, steps, recovery, (step) => step(steps.prove));
  return conclude(ops, facts, { kept: before, proven, noticed: undefined, seen: { held: 0, turnedAway: 0, cut: 0 } });
}
