import type { Paths } from '../host/ops.ts';
import { eachRun, entriesOf, type Run } from './history.ts';

/** How far back: as many runs as anybody would let die in a row. */
const LOOKED_AT = 30;

/**
 * What a run noted that was killed, or that left its undoing to a person: the newest of them, back to the last run that made all good.
 *
 * @param good scripts whose success makes it good.
 */
export function notedByUnfinished(
  paths: Pick<Paths, 'state'>,
  key: string,
  good: readonly string[],
): { readonly run: Run; readonly value: unknown } | undefined {
  let looked = 0;
  for (const run of eachRun(paths)) {
    looked += 1;
    const { state } = run;
    if (looked > LOOKED_AT || (state.kind === 'ended' && state.exitCode === 0 && good.includes(run.script)))
      return undefined;
    if (state.kind === 'running' || (state.kind === 'ended' && state.exitCode !== 6)) continue;
    const note = entriesOf(run, 'note').findLast((n) => n.key === key);
    if (note) return { run, value: note.value };
  }
  return undefined;
}
