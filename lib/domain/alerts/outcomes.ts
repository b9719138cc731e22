import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { WATCHED, type Watched } from '../../core/notify.ts';
import type { Paths } from '../../core/ops.ts';
import { fileNamePart, writeAtomically } from '../../tools/files/durable.ts';
import { readAs } from '../../tools/files/json.ts';

const milliseconds = z.number().min(0);

const ended = z.object({
  /** When; RFC 3339, UTC. */
  at: z.iso.datetime(),
  exitCode: z.int(),
  /** Base name of the run's directory; null where it did not come so far. */
  run: z.string().nullable(),
  took: milliseconds,
  /** What the probes noticed; null without any. `downtime`: the longest that nobody was answered. */
  requests: z.object({ sent: z.int(), failed: z.int(), longest: milliseconds, downtime: milliseconds }).nullable(),
  /** Of what it made (a backup). */
  bytes: z.int().min(0).nullable(),
});

export type Ended = z.infer<typeof ended>;

const outcome = z.object({
  version: z.literal(1),
  /** Script and its command: `backup-prod create`. */
  subject: z.string(),
  /** What it is that has to succeed again and again. */
  watched: z.enum(WATCHED).nullable(),
  last: ended,
  /** The last that ended with 0. */
  success: ended.nullable(),
  failures: z.int().min(0),
});

/** How the last runs of one script, or one of its commands, ended. One file each, below `<state>/outcomes`. */
export type Outcome = z.infer<typeof outcome>;

type State = Pick<Paths, 'state'>;

const dirOf = ({ state }: State) => path.join(state, 'outcomes');
const fileOf = (paths: State, subject: string) => path.join(dirOf(paths), `${fileNamePart(subject)}.json`);

export const readOutcome = (paths: State, subject: string): Outcome | undefined =>
  readAs(outcome, fileOf(paths, subject));

/** All there are, by subject. What is unreadable is left out. */
export function readOutcomes(paths: State): Outcome[] {
  let names: string[];
  try {
    names = readdirSync(dirOf(paths)).filter((name) => name.endsWith('.json'));
  } catch {
    return []; // nothing has ended yet
  }
  return names.sort().flatMap((name) => readAs(outcome, path.join(dirOf(paths), name)) ?? []);
}

/** @param counts false: nothing was begun, and who typed it has seen why; it is neither failure nor success. */
export function outcomeAfter(
  before: Outcome | undefined,
  { subject, watched }: { readonly subject: string; readonly watched: Watched | undefined },
  last: Ended,
  counts: boolean,
): Outcome {
  const good = last.exitCode === 0;
  return {
    version: 1,
    subject,
    watched: watched ?? null,
    last,
    success: good ? last : (before?.success ?? null),
    failures: good ? 0 : (before?.failures ?? 0) + (counts ? 1 : 0),
  };
}

/** @throws {NodeJS.ErrnoException} when the disk is full or read-only. */
export async function recordOutcome(paths: State, entry: Outcome): Promise<void> {
  mkdirSync(dirOf(paths), { recursive: true, mode: 0o700 });
  await writeAtomically(fileOf(paths, entry.subject), `${JSON.stringify(entry)}\n`);
}
