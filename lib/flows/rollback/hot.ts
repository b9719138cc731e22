import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Facts } from '../../domain/hot-release/facts.ts';
import { planWithHold } from '../../domain/hot-release/hold.ts';
import type { UpdateOptions } from '../../domain/hot-release/options.ts';
import type { UpdatePlan } from '../../domain/hot-release/plan.ts';
import { begin as beginRelease } from '../../domain/hot-release/steps.ts';
import { surveyUpdate } from '../../domain/hot-release/survey.ts';
import { releaseOptions } from '../../runs/command-line/deployment-flags.ts';
import type { Parsed } from '../../runs/command-line/flags.ts';
import type { Choice } from './facts.ts';
import { orUnfit } from './unfit.ts';

export { conclude } from '../../domain/hot-release/conclude.ts';
export { agreeToGo, nothingToDo, showFacts } from '../../domain/hot-release/messages.ts';
export { showSteps } from '../../runs/steps/steps.ts';

/** A former release's files into the running container. */
export interface HotWay {
  readonly choice: Choice;
  readonly options: UpdateOptions;
  readonly facts: Facts;
  /** `undefined`: it runs already. */
  readonly plan: UpdatePlan | undefined;
}

/**
 * What the hot way would do; `undefined` when a closer look closes it, no way was asked for and the image is there instead.
 *
 * @throws {OpsError} `usage` for a soak that is no duration; `precondition` when this way is closed and there is no other.
 */
export async function survey(
  ops: Ops,
  flags: Parsed & { readonly planOnly: boolean },
  choice: Choice,
  asked: 'auto' | 'hot' | 'image',
): Promise<HotWay | undefined> {
  const options = releaseOptions(flags, choice.release.commit, 'back');
  try {
    const facts = await surveyUpdate(ops, options.ref);
    return { choice, options, facts, plan: await planWithHold(ops, facts, options, !flags.planOnly) };
  } catch (error) {
    const other = error instanceof OpsError && error.kind === 'precondition' && asked === 'auto' && choice.image.open;
    if (!other) throw error;
    ops.screen.show({ event: 'warning', text: error.what });
    return undefined;
  }
}

/** The steps of a hot release without a migration; old code that does not work on the current database is refused. Nothing happens yet. */
export function begin(ops: Ops, { choice, facts, options }: HotWay, plan: UpdatePlan) {
  const begun = beginRelease(ops, facts, plan, options);
  const { steps, recovery } = begun;
  return {
    ...begun,
    steps: { ...steps, canary: orUnfit(choice, steps.canary) },
    recovery: { ...recovery, also: [choice.release.commit] },
  };
}
