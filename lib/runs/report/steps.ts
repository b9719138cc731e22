import { same, type Text } from '../../core/text.ts';
import { entriesOf, type Run } from '../../domain/ledger/runs.ts';

/** A step as it went. Milliseconds since the run began. */
export interface StepTold {
  readonly id: string;
  readonly title: Text;
  /** `undefined`: it did not begin. */
  readonly began: number | undefined;
  readonly took: number;
  readonly outcome: 'done' | 'failed' | 'undone' | 'undo-failed' | 'under-way' | 'not-begun';
  /** Evidence, or what went wrong. */
  readonly says: Text | undefined;
}

/** The steps of the last plan, in its order. Pure. */
export function stepsTold(run: Run): readonly StepTold[] {
  const plan = entriesOf(run, 'plan').at(-1);
  const start = Date.parse(run.started ?? '');
  const end = Date.parse(run.entries.at(-1)?.at ?? '');
  return (plan?.steps ?? []).map((id, at) => {
    const of = run.entries.filter((e) => 'step' in e && e.step === id);
    const first = of.find((e) => e.event === 'step-start');
    const done = of.find((e) => e.event === 'step-done');
    const failed = of.find((e) => e.event === 'step-failed');
    const undone = of.find((e) => e.event === 'undo-done');
    const stuck = of.find((e) => e.event === 'undo-failed');
    const began = first && Date.parse(first.at) - start;
    const over = failed ?? done;
    const says = failed
      ? (failed.says ?? same(failed.error))
      : done && (done.says ?? (done.evidence === undefined ? undefined : same(done.evidence)));
    return {
      id,
      title: plan?.titles?.[at] ?? same(id),
      began,
      took: done
        ? done.milliseconds
        : began === undefined
          ? 0
          : Math.max(0, (over ? Date.parse(over.at) : end) - start - began),
      outcome: stuck
        ? 'undo-failed'
        : undone
          ? 'undone'
          : failed
            ? 'failed'
            : done
              ? 'done'
              : first
                ? 'under-way'
                : 'not-begun',
      says: stuck ? same(stuck.error) : says,
    };
  });
}
