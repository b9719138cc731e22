import type { Paths } from '../../core/ops.ts';
import { eachRun, hasChanged, isLeft, type Run } from './runs.ts';

/** Their success proves the whole of production, whatever another script had begun. */
const WHOLE: readonly string[] = ['deploy-prod-all', 'rollback-prod'];
/** A hot update proves which release serves, which is all that a rollback is about. */
const PROVES_RELEASE = 'update-prod-flask';

/** It starts what stands still, one by one: there is nothing to finish, nor to take back. */
const HARMLESS = 'doctor';

/** So many are read: every start waits for it. */
const READ = 30;

/**
 * The newest run that changed something, did not end, or ended with 6, and that nothing has made good since: neither the same script
 * nor one that proves as much, and that nobody decided to leave.
 *
 * @param except a run's name: the one that asks.
 */
export function findUnfinished(paths: Pick<Paths, 'state'>, except?: string): Run | undefined {
  const succeeded = new Set<string>();
  let read = 0;
  // However many backups there are: what came before a success of theirs does not matter, and does not count.
  for (const run of eachRun(
    paths,
    (name, script) => name !== except && script !== HARMLESS && !succeeded.has(script),
  )) {
    read += 1;
    if (read > READ || WHOLE.some((script) => succeeded.has(script))) return undefined;
    const { state } = run;
    if (state.kind === 'ended' && state.exitCode === 0) succeeded.add(run.script);
    const isGood = succeeded.has(run.script) || (run.script === 'rollback-prod' && succeeded.has(PROVES_RELEASE));
    if (needsAttention(run) && !isGood && !isLeft(run)) return run;
  }
  return undefined;
}

const needsAttention = (run: Run): boolean =>
  (run.state.kind === 'died' && hasChanged(run)) || (run.state.kind === 'ended' && run.state.exitCode === 6);
