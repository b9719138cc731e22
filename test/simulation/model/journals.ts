import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Entry, parseJournal } from '../../../lib/core/journal.ts';
import type { Deployment, Ended } from './deployment.ts';
import { KILLED } from './faults.ts';

/** What a run wrote down. */
export interface Written {
  /** The directory's name. */
  readonly name: string;
  readonly entries: readonly Entry[];
  readonly hasEnd: boolean;
  /** Commands without a result. */
  readonly open: readonly string[];
}

type Of<E extends Entry['event']> = Extract<Entry, { event: E }>;

const only = <E extends Entry['event']>(entries: readonly Entry[], event: E): Of<E>[] =>
  entries.filter((e): e is Of<E> => e.event === event);

/** All runs, oldest first. */
export function journals(d: Deployment): Written[] {
  const files = d.files(path.join(d.state, 'runs')).filter((f) => path.basename(f) === 'journal');
  return files.sort().map((file) => {
    const { entries, torn } = parseJournal(readFileSync(file, 'utf8'));
    if (torn) throw new Error(`${file} is damaged`);
    const ended = new Set(only(entries, 'result').map((r) => r.of));
    return {
      name: path.basename(path.dirname(file)),
      entries,
      hasEnd: only(entries, 'run-end').length > 0,
      open: only(entries, 'intent')
        .filter((i) => !ended.has(i.seq))
        .map((i) => i.command),
    };
  });
}

/** Things that somebody agreed to lose. */
export const consentedIn = (d: Deployment): string[] =>
  journals(d).flatMap(({ entries }) => only(entries, 'consent').flatMap((c) => c.things));

/** Every change was announced, and every announcement has a result, but in a run that was killed. That one alone has no end. */
export function journal(d: Deployment, { changes, exitCode }: Ended): string[] {
  const runs = journals(d);
  const endless = runs.filter((r) => !r.hasEnd);
  const open = runs.filter((r) => r.hasEnd).flatMap((r) => r.open);
  const intents = new Set((runs.at(-1)?.entries ?? []).flatMap((e) => (e.event === 'intent' ? [e.command] : [])));
  const ends = only(runs.at(-1)?.entries ?? [], 'run-end');
  const isOurs = changes.length > 0 && exitCode !== KILLED;
  return [
    ...changes.filter((c) => !intents.has(c)).map((c) => `not in the journal: ${c}`),
    ...open.map((c) => `no result in the journal: ${c}`),
    ...(endless.length > d.killed ? [`without an end: ${endless.map((r) => r.name).join(', ')}`] : []),
    ...(isOurs && ends.some((e) => e.exitCode !== exitCode) ? ['the journal has another exit code'] : []),
  ];
}
