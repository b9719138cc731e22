import { OpsError, whatHappened } from '../../core/errors.ts';
import { lenient } from '../../core/journal.ts';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { type Screen, say } from '../../core/screen.ts';
import type { PlannedStep, Recovery, Step } from '../../core/step.ts';
import { headline, same } from '../../core/text.ts';

/** The steps of a run in the order of its plan, by name or as a list; those that it does not have are `undefined`. */
export type Steps = Readonly<Record<string, PlannedStep | undefined>> | readonly (PlannedStep | undefined)[];

export const plannedOf = (steps: Steps): PlannedStep[] => Object.values(steps).filter((s) => s !== undefined);

export interface StepRunner {
  <T, A extends readonly unknown[]>(step: Step<T, A>, ...given: A): Promise<T>;
  /** One that the run does not have is nothing to be done. */
  <T, A extends readonly unknown[]>(step: Step<T, A> | undefined, ...given: A): Promise<T | undefined>;
}

/**
 * Runs a script's steps in the order of its plan: each is journaled before and after, and when one fails, those that had
 * begun are undone, newest first, and the outcome is proved.
 *
 * @param body ends when all is proved: whatever fails in it is taken back, so what follows the proof (the summary, tidying up) is not in it.
 * @throws {OpsError} `failed` (exit 1): what was there is proved to be back; `needs-person` (exit 6): it is not; the
 *   interruption itself (130/143) when a signal stopped the run and what was there is proved to be back.
 */
export async function carryOut<R>(
  ops: Ops,
  steps: Steps,
  recovery: Recovery,
  body: (step: StepRunner) => Promise<R>,
): Promise<R> {
  const { also, back, proves, owes } = recovery;
  const plan = plannedOf(steps);
  ops.journal.write({
    event: 'plan',
    steps: plan.map((s) => s.id),
    titles: plan.map((s) => s.title),
    ...(also && { also }),
    ...(back && { back }),
    proves,
    ...(owes && { owes }),
  });
  const begun: Begun[] = [];

  const run = async <T, A extends readonly unknown[]>(step: Step<T, A>, ...given: A): Promise<T> => {
    const { id, title, risk, undo } = step;
    // A script that does what its plan didn't show would be lying to its operator.
    if (plan[begun.length] !== step) throw new Error(`step ${id} is not in the plan, or out of its order`);
    ops.signal.throwIfAborted();
    const started = ops.clock.monotonic();
    const took = () => Math.round(ops.clock.monotonic() - started);
    // Written down first: a run that is killed must not have told more than the next one can read.
    ops.journal.write({ event: 'step-start', step: id, risk });
    ops.screen.show({ event: 'step', id, number: begun.length + 1, of: plan.length, title });
    begun.push({ id, harmless: risk === 'none', undo: undo && ((calm) => undo(calm, ...given)) });
    try {
      const result = await step.run(ops, ...given);
      const evidence = step.evidence?.(result, ...given);
      // On a full disk the next step can't begin; the last one has no next, and what it did is done.
      lenient(ops.journal, ops.screen).write({
        event: 'step-done',
        step: id,
        milliseconds: took(),
        ...(evidence && { evidence: ops.secrets.redact(evidence.en), says: ops.secrets.redactIn(evidence) }),
      });
      ops.screen.show({ event: 'step-end', id, outcome: 'done', milliseconds: took(), evidence });
      return result;
    } catch (error) {
      const says = ops.secrets.redactIn(whatHappened(error));
      lenient(ops.journal, ops.screen).write({ event: 'step-failed', step: id, error: says.en, says });
      ops.screen.show({ event: 'step-end', id, outcome: 'failed', milliseconds: took() });
      throw error;
    }
  };

  const step: StepRunner = async <T, A extends readonly unknown[]>(what: Step<T, A> | undefined, ...given: A) =>
    what && run(what, ...given);

  try {
    const result = await body(step);
    const [left] = plan.slice(begun.length);
    if (left) throw new Error(`step ${left.id} is in the plan and was not carried out`);
    return result;
  } catch (error) {
    throw await undoAll(ops, begun.reverse(), recovery, error);
  }
}

interface Begun {
  readonly id: string;
  readonly harmless: boolean;
  readonly undo: ((ops: Ops) => Promise<unknown>) | undefined;
}

async function undoAll(ops: Ops, begun: readonly Begun[], recovery: Recovery, error: unknown): Promise<OpsError> {
  // The headline; the whole of it comes last, where it is looked for.
  ops.screen.show({ event: 'error', text: headline(whatHappened(error)) });
  // Neither a Ctrl-C nor a full disk, which may have brought us here, must stop the undoing.
  const calm = uninterruptible(ops);
  const failures: unknown[] = [];
  for (const { id, undo } of begun) {
    if (!undo) continue;
    const started = ops.clock.monotonic();
    calm.journal.write({ event: 'undo-start', step: id });
    const end = (outcome: 'undone' | 'undo-failed') =>
      ops.screen.show({ event: 'step-end', id, outcome, milliseconds: Math.round(ops.clock.monotonic() - started) });
    try {
      await undo(calm);
      calm.journal.write({ event: 'undo-done', step: id });
      end('undone');
    } catch (failure) {
      failures.push(failure);
      calm.journal.write({ event: 'undo-failed', step: id, error: ops.secrets.redact(whatHappened(failure).en) });
      ops.screen.show({ event: 'error', text: whatHappened(failure) });
      end('undo-failed');
    }
  }
  const proof = await recovery.prove(calm).catch((e: unknown) => {
    failures.push(e);
    return undefined;
  });
  const what = whatHappened(error);
  const next = error instanceof OpsError ? error.next : [];
  if (proof !== undefined && failures.length === 0) {
    // "Nothing was changed" (exit 3) is true only as long as nothing but harmless steps had begun.
    const untouched = begun.every((b) => b.harmless);
    const kept =
      error instanceof OpsError && (error.kind === 'interrupted' || (error.kind === 'precondition' && untouched));
    return new OpsError({
      kind: kept ? (error as OpsError).kind : 'failed',
      ...(kept ? { exitCode: (error as OpsError).exitCode } : {}),
      what,
      state: proof,
      next,
      cause: error,
    });
  }
  const also = failures.map(whatHappened);
  return new OpsError({
    kind: 'needs-person',
    what,
    state: {
      en: `WHAT WAS THERE BEFORE COULD NOT BE PROVED TO BE BACK: ${also.map((t) => t.en).join('; ')}`,
      zh: `无法证明已恢复到之前的状态: ${also.map((t) => t.zh).join('; ')}`,
    },
    next: [...failures.flatMap((f) => (f instanceof OpsError ? f.next : [])), ...next, ...recovery.advice()],
    cause: error,
  });
}

const RISK = { none: '', changes: '', interrupts: ' ⏸', deletes: ' ⚠' } as const;

/** The steps of a plan with their commands, what each would lose, and its way back. */
export function showSteps(screen: Screen, steps: Steps): void {
  say(screen, 'heading', { en: 'What will be done', zh: '将要执行' });
  plannedOf(steps).forEach((step, i) => {
    const takes = step.seconds === undefined ? '' : ` (≈ ${step.seconds} s)`;
    const risk = RISK[step.risk];
    say(screen, 'info', {
      en: `${i + 1}. ${step.title.en}${risk}${takes}`,
      zh: `${i + 1}. ${step.title.zh}${risk}${takes}`,
    });
    for (const command of step.commands) {
      const { en, zh } = typeof command === 'string' ? same(command) : command;
      say(screen, 'info', { en: `     ${en}`, zh: `     ${zh}` });
    }
    if (step.loses) say(screen, 'warning', { en: `deletes: ${step.loses.en}`, zh: `将删除: ${step.loses.zh}` });
    if (step.wayBack) {
      say(screen, 'info', { en: `     way back: ${step.wayBack.en}`, zh: `     回退方式: ${step.wayBack.zh}` });
    }
  });
}
