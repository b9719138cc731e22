import type { Paths } from '../../core/ops.ts';
import { eachRun, entriesOf, type Run } from './runs.ts';

/** So many are read: as many as anybody would let die in a row. */
const READ = 30;
/** They leave nothing in production that another would have to know of, and may come every hour. */
const OWE_NOTHING: readonly string[] = ['backup-prod', 'rehearse'];

/**
 * What a run noted that was killed, or that left its undoing to a person: the newest of them, back to the last run that made all good.
 *
 * @param good scripts whose success makes it good.
 * @param fits other notes of that key do not count.
 */
export function notedByUnfinished(
  paths: Pick<Paths, 'state'>,
  key: string,
  good: readonly string[],
  fits: (value: unknown, run: Run) => boolean = () => true,
): { readonly run: Run; readonly value: unknown } | undefined {
  let read = 0;
  for (const run of eachRun(paths, (_, script) => !OWE_NOTHING.includes(script))) {
    read += 1;
    const { state } = run;
    if (read > READ || (state.kind === 'ended' && state.exitCode === 0 && good.includes(run.script))) return undefined;
    if (state.kind === 'running' || (state.kind === 'ended' && state.exitCode !== 6)) continue;
    const note = entriesOf(run, 'note').findLast((n) => n.key === key && fits(n.value, run));
    if (note) return { run, value: note.value };
  }
  return undefined;
}
