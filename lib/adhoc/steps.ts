import type { Ops } from '../core/ops.ts';
import { agree, misuse } from '../core/refusal.ts';
import type { Step as RunStep } from '../core/step.ts';
import { same, type Text } from '../core/text.ts';
import { describeHealth, endpointsOf, type Health, waitForHealth } from '../domain/app/health.ts';
import { type Consent, confirmDestructive } from '../domain/data/consent.ts';
import { carryOut, showSteps } from '../runs/steps/steps.ts';
import {
  type Deployment,
  deploymentOf,
  type Step,
  type StepDeployment,
  type StepsOptions,
  writableOf,
} from './handle.ts';
import { textOf } from './words.ts';

/** Thrown where `--plan` ends. */
export class OnlyPlanned extends Error {}

export interface Answers {
  readonly planOnly: boolean;
  /** `--confirm` */
  readonly confirm: string | undefined;
}

/** @param before made at the start: what is proved after undoing. */
export async function takeSteps(
  ops: Ops,
  before: Deployment,
  steps: readonly Step[],
  { question, destroys, planOnly, confirm }: StepsOptions & Answers,
): Promise<void> {
  const plan = steps.map((step) => runStep(step, before));
  showSteps(ops.screen, plan);
  if (planOnly) throw new OnlyPlanned();
  const serving = before.app.state === 'running' ? await before.health() : undefined;
  const consent = destroys ? await confirmDestructive(ops, destroys, confirm) : undefined;
  if (!destroys) await agree(ops.screen, textOf(question ?? GO_ON));

  const recovery = { prove: (o: Ops) => asBefore(o, before, serving), advice: () => [ADVICE], proves: [] };
  await carryOut(ops, plan, recovery, async (step) => {
    for (const one of plan) await step(one, consent);
    ops.screen.show({ event: 'ok', text: await asBefore(ops, before, serving) });
  });
}

/** As a run carries it out. */
function runStep(step: Step, before: Deployment): RunStep<unknown, [consent: Consent | undefined]> {
  const { id, title, risk = 'changes', commands = [], loses, run, undo } = step;
  return {
    id,
    title: textOf(title ?? id),
    risk,
    commands,
    ...(loses === undefined ? {} : { loses: textOf(loses) }),
    run: async (ops, consent) => run(await stepDeployment(ops, before, consent)),
    evidence: (result) => (typeof result === 'string' ? same(result) : undefined),
    ...(undo && { wayBack: WAY_BACK, undo: async (ops, consent) => undo(await stepDeployment(ops, before, consent)) }),
  };
}

async function stepDeployment(ops: Ops, before: Deployment, consent: Consent | undefined): Promise<StepDeployment> {
  return {
    ...(await writableOf(ops, before.flags)),
    ops,
    consent() {
      if (consent) return consent;
      throw misuse({
        en: 'These steps asked for no consent: options.destroys.',
        zh: '这些步骤未请求确认: options.destroys.',
      });
    },
  };
}

/** The same containers run, and the application is healthy if it was. */
async function asBefore(ops: Ops, before: Deployment, serving: Health | undefined): Promise<Text> {
  const { deployment: now } = await deploymentOf(ops, before.flags, 'change');
  for (const role of ['app', 'db', 'redis'] as const) {
    if (before[role].state === 'running') now[role].running();
  }
  if (!serving?.healthy) return { en: 'The same containers run as before.', zh: '运行中的容器与之前一致.' };
  const container = now.app.running();
  const deadlineMs = ops.target.bootSeconds * 1000;
  const health = describeHealth(
    await waitForHealth(ops, endpointsOf(ops.target, container), container, { deadlineMs }),
  );
  return { en: `Healthy as before: ${health.en}`, zh: `与之前一样健康: ${health.zh}` };
}

const GO_ON: Text = { en: 'Go on?', zh: '是否继续?' };
const WAY_BACK: Text = { en: 'undone by the script', zh: '由脚本撤销' };
const ADVICE: Text = {
  en: 'See what is there: npx tsx scripts/runs.ts show',
  zh: '查看当前状态: npx tsx scripts/runs.ts show',
};
