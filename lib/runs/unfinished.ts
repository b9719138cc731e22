import { hasChanged, isLeft, type Run } from './history.ts';

/** Their success proves the whole of production, whatever another script had begun. */
const WHOLE: readonly string[] = ['deploy-prod-all', 'rollback-prod'];

/** So far back it is looked: every start waits for it. */
const LOOKED_AT = 30;

/**
 * The newest run that changed something, did not end, or ended with 6, and that nothing has made good since: neither the same script
 * nor one that proves everything, and that nobody decided to leave.
 *
 * @param newestFirst read one by one, and no further than needed.
 */
export function findUnfinished(newestFirst: Iterable<Run>): Run | undefined {
  const succeeded = new Set<string>();
  let looked = 0;
  for (const run of newestFirst) {
    looked += 1;
    if (looked > LOOKED_AT || WHOLE.some((script) => succeeded.has(script))) return undefined;
    const { state } = run;
    if (state.kind === 'ended' && state.exitCode === 0) succeeded.add(run.script);
    if (needsAttention(run) && !succeeded.has(run.script) && !isLeft(run)) return run;
  }
  return undefined;
}

const needsAttention = (run: Run): boolean =>
  (run.state.kind === 'died' && hasChanged(run)) || (run.state.kind === 'ended' && run.state.exitCode === 6);
