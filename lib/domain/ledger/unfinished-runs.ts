import { type Ops, type Paths, runName } from '../../core/ops.ts';
import { eachRun, entriesOf, hasChanged, isLeft, type Run } from './runs.ts';

/** Their success proves the whole of production, whatever another script had begun. */
const WHOLE: readonly string[] = ['deploy-prod-all', 'rollback-prod'];
/** A hot update proves which release serves, which is all that a rollback is about. */
const PROVES_RELEASE = 'update-prod-flask';

/** What they do ends with them (containers started one by one, a page): there is nothing to finish, nor to take back. */
const HARMLESS: readonly string[] = ['doctor', 'maintenance'];

/** So many are read: every start waits for it. */
const READ = 30;

/**
 * Runs that changed something, did not end, or ended with 6, and that nothing has made good since, newest first: neither the same script,
 * coming to the same end, nor one that proves as much; and that nobody decided to leave.
 *
 * @param except a run's name: the one that asks.
 */
export function* eachUnfinished(paths: Pick<Paths, 'state'>, except?: string): Generator<Run> {
  const succeeded = new Set<string>();
  const ends = new Set<string>();
  let read = 0;
  // However many backups there are: what came before a success of theirs does not matter, and does not count.
  const matters = (name: string, script: string) =>
    name !== except && !HARMLESS.includes(script) && !succeeded.has(script);
  for (const run of eachRun(paths, matters)) {
    read += 1;
    if (read > READ) return;
    const { state, script } = run;
    const end = `${script} ${endOf(run)}`;
    if (state.kind === 'ended' && state.exitCode === 0) {
      if (isAside(run)) ends.add(end);
      else succeeded.add(script);
    }
    if (WHOLE.some((whole) => succeeded.has(whole))) return;
    const isGood = ends.has(end) || (script === 'rollback-prod' && succeeded.has(PROVES_RELEASE));
    if (needsAttention(run) && !isGood && !isLeft(run)) yield run;
  }
}

/** The newest of them. */
export const findUnfinished = (paths: Pick<Paths, 'state'>, except?: string): Run | undefined =>
  eachUnfinished(paths, except).next().value;

/** A run was killed at just this, or left it to a person: where it holds by now, it came as far as that. @param option as typed again: `--drop=X` */
export const wasBegun = (ops: Pick<Ops, 'paths'>, script: string, option: string): boolean =>
  [...eachUnfinished(ops.paths, runName(ops))].some(
    (run) => run.script === script && entriesOf(run, 'run-start')[0]?.args?.includes(option),
  );

/** The last step of its plan. */
const endOf = (run: Run): string | undefined => entriesOf(run, 'plan').at(-1)?.steps.at(-1);

/** A `--drop`, a `--trial`: what its script had begun before is as unfinished as it was. */
const isAside = (run: Run): boolean => entriesOf(run, 'plan').at(-1)?.aside === true;

const needsAttention = (run: Run): boolean =>
  (run.state.kind === 'died' && hasChanged(run)) || (run.state.kind === 'ended' && run.state.exitCode === 6);
