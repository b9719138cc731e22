import type { Row } from '../../core/screen.ts';
import type { Text } from '../../core/text.ts';
import type { Ended, Outcome } from '../../domain/alerts/outcomes.ts';
import { entriesOf, type Run } from '../../domain/ledger/runs.ts';
import { howItEnded } from '../interrupted/messages.ts';
import { waysFrom } from '../interrupted/offer.ts';

/** As shells have it of SIGKILL; nobody knows what it was. */
const KILLED = 137;

/** Script and command, as they were when it began. */
export function subjectOf(run: Run): string {
  const { command } = entriesOf(run, 'run-start')[0]?.options ?? {};
  return typeof command === 'string' ? `${run.script} ${command}` : run.script;
}

/** As far as its journal goes: by its last line it was alive. */
export function endOf({ name, entries }: Run): Ended | undefined {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const took = Math.max(0, Date.parse(last.at) - Date.parse(first.at)); // clocks are put back
  return { at: last.at, exitCode: KILLED, run: name, took, requests: null, bytes: null };
}

/** Nothing of its subject has ended since. */
export const isLatest = (ended: Ended, before: Outcome | undefined): boolean =>
  before === undefined || Date.parse(before.last.at) < Date.parse(ended.at);

/** What is said of it, with what is there by now. */
export function whatWasKilled(run: Run, now: readonly Row[]): { what: Text; state: Text | undefined; next: Text[] } {
  const rows = (language: keyof Text) => now.map((row) => row.map((cell) => cell[language]).join(': ')).join(', ');
  const state = now.length === 0 ? undefined : { en: `Now: ${rows('en')}`, zh: `当前: ${rows('zh')}` };
  return { what: howItEnded(run), state, next: waysFrom(run) };
}
