import type { Area } from '../../core/journal.ts';
import { type Ops, type Paths, runName } from '../../core/ops.ts';
import { owedBy, Proofs } from './proofs.ts';
import { eachRun, entriesOf, hasChanged, isLeft, type Run } from './runs.ts';

/** What they do ends with them (containers started one by one, a page): there is nothing to finish, nor to take back. */
const HARMLESS: readonly string[] = ['doctor', 'maintenance'];

/** So many of each script are read: every start waits for it, and there may be a backup every hour. */
const READ = 30;

/** Runs, newest first, until all of production was proved; with what was proved since each. */
function* eachSince(paths: Pick<Paths, 'state'>, except?: string): Generator<{ run: Run; since: Proofs }> {
  const since = new Proofs();
  const read = new Map<string, number>();
  const matters = (name: string, script: string) => {
    const count = read.get(script) ?? 0;
    if (name === except || HARMLESS.includes(script) || count === READ) return false;
    read.set(script, count + 1);
    return true;
  };
  for (const run of eachRun(paths, matters)) {
    yield { run, since };
    since.add(run);
    if (since.whole) return;
  }
}

/**
 * Runs that changed something, did not end, or ended with 6, newest first: those of which what they owe was not proved since, and that nobody decided
 * to leave.
 *
 * @param except a run's name: the one that asks.
 */
export function* eachUnfinished(paths: Pick<Paths, 'state'>, except?: string): Generator<Run> {
  for (const { run, since } of eachSince(paths, except))
    if (needsAttention(run) && !since.isGood(run) && !isLeft(run)) yield run;
}

/** The one to be asked about: the newest that owes something of production, else the newest. */
export function findUnfinished(paths: Pick<Paths, 'state'>, except?: string): Run | undefined {
  const all = [...eachUnfinished(paths, except)];
  return all.find((run) => owedBy(run).length > 0) ?? all[0];
}

/** A run was killed at just this, or left it to a person: where it holds by now, it came as far as that. @param option as typed again: `--drop=X` */
export const wasBegun = (ops: Pick<Ops, 'paths'>, script: string, option: string): boolean =>
  [...eachUnfinished(ops.paths, runName(ops))].some(
    (run) => run.script === script && entriesOf(run, 'run-start')[0]?.args?.includes(option),
  );

const needsAttention = (run: Run): boolean => (run.state.kind === 'died' && hasChanged(run)) || needsPerson(run);

const needsPerson = ({ state }: Run): boolean => state.kind === 'ended' && state.exitCode === 6;

/**
 * What a run noted that was killed, or that left its undoing to a person: the newest of them, as long as nothing of `until` was proved since.
 *
 * @param until areas; default: the application's container.
 * @param fits other notes of that key do not count.
 */
export function notedByUnfinished(
  paths: Pick<Paths, 'state'>,
  key: string,
  { until = ['app'], fits = () => true }: Noting = {},
): { readonly run: Run; readonly value: unknown } | undefined {
  for (const { run, since } of eachSince(paths)) {
    if (until.some((area) => since.has(area))) return undefined;
    if (run.state.kind !== 'died' && !needsPerson(run)) continue;
    const note = entriesOf(run, 'note').findLast((n) => n.key === key && fits(n, run));
    if (note) return { run, value: note.value };
  }
  return undefined;
}

interface Noting {
  readonly until?: readonly Area[];
  readonly fits?: (note: { readonly value?: unknown; readonly at: string }, run: Run) => boolean;
}
