import type { Ops, Paths } from '../../core/ops.ts';
import type { Moved } from '../stack/deployment.ts';
import { entriesOf, type Run } from './runs.ts';
import { notedByUnfinished } from './unfinished-runs.ts';

type Move = Moved['what'];

/** What is noted directly before data becomes what the code before it does not know, and the step whose undoing brings it back. */
const STEPS: Readonly<Record<Move, string>> = { migrating: 'migrate', swap: 'swap', removing: 'remove' };

/** Proved by whoever settles which data there is, or what runs on it. */
const SETTLED = ['app', 'database'] as const;

export function noteMove(ops: Pick<Ops, 'journal'>, what: Move, value: unknown = true): void {
  ops.journal.write({ event: 'note', key: what, value });
}

/** @param stamp the beginning of a run's name: what came before that run does not count. */
export function movedSince(paths: Pick<Paths, 'state'>, stamp: string): Moved | undefined {
  const found = (Object.keys(STEPS) as Move[]).flatMap((what) => {
    const isNotUndone = (_: unknown, run: Run) => !entriesOf(run, 'undo-done').some(({ step }) => step === STEPS[what]);
    const noted = notedByUnfinished(paths, what, { until: SETTLED, fits: isNotUndone });
    return noted && noted.run.name >= stamp ? [{ run: noted.run, what }] : [];
  });
  const [newest] = found.sort((a, b) => b.run.name.localeCompare(a.run.name));
  if (newest === undefined) return undefined;
  const backup = entriesOf(newest.run, 'note').findLast(({ key }) => key === 'backup')?.value;
  return { run: newest.run.name, what: newest.what, backup: typeof backup === 'string' ? backup : undefined };
}
