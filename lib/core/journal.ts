import { closeSync, constants, fdatasyncSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Screen } from './screen.ts';
import { json } from './text.ts';

/** A script of `scripts/` and what is typed behind it, but for what belongs to whoever types: directory, answers, language. */
const invocation = z.object({ script: z.string(), args: z.array(z.string()).readonly() });

export type Invocation = z.infer<typeof invocation>;

/** A part of production: which code serves, its container, PostgreSQL's and Redis' containers, the data, `.env` as the container has it. */
export const AREAS = ['release', 'app', 'stores', 'database', 'env'] as const;

export type Area = (typeof AREAS)[number];

/** A {@link Text} that was written down, for people. What programs read stands beside it, in English. */
export const words = z.object({ en: z.string(), zh: z.string() });

/** Each kind of event with its fields. Names and fields are stable. */
const events = {
  'run-start': {
    script: z.string(),
    version: z.string(),
    pid: z.number(),
    user: z.string().optional(),
    host: z.string().optional(),
    options: z.record(z.string(), z.unknown()),
    /** The same options as they would be typed again. */
    args: z.array(z.string()).readonly().optional(),
  },
  /**
   * `also`: options that make the same command line mean later what it means now. `back`: returns to what was there before. `proves`, `owes`:
   * see `Recovery`. `aside`: earlier versions wrote it where nothing is proved.
   */
  plan: {
    steps: z.array(z.string()).readonly(),
    /** The same for people. */
    titles: z.array(words).readonly().optional(),
    also: z.array(z.string()).readonly().optional(),
    back: invocation.optional(),
    proves: z.array(z.string()).readonly().optional(),
    owes: z.array(z.string()).readonly().optional(),
    aside: z.literal(true).optional(),
  },
  /** The same, when it becomes known only on the way. */
  'way-back': invocation.shape,
  /** What the operator was shown on the way: facts, the summary, warnings. For the report. */
  table: { id: z.string(), rows: z.array(z.tuple([words, words])).readonly() },
  remark: { level: z.enum(['info', 'ok', 'warning']), says: words },
  consent: { things: z.array(z.string()).readonly() },
  'step-start': { step: z.string(), risk: z.string().optional() },
  intent: { command: z.string() },
  result: { of: z.number(), exitCode: z.number(), milliseconds: z.number() },
  /** A fact that undoing needs and that a later process could not find out by looking. */
  note: { key: z.string(), value: z.unknown() },
  'step-done': { step: z.string(), milliseconds: z.number(), evidence: z.string().optional(), says: words.optional() },
  'step-failed': { step: z.string(), error: z.string(), says: words.optional() },
  'undo-start': { step: z.string() },
  'undo-done': { step: z.string() },
  'undo-failed': { step: z.string(), error: z.string() },
  'run-end': {
    exitCode: z.number(),
    verdict: z.string(),
    says: words.optional(),
    state: words.optional(),
    next: z.array(words).readonly().optional(),
    /** It did what it was to do: what is wrong is what it found. */
    found: z.boolean().optional(),
  },
};

type Events = typeof events;

/** What a run wrote down. No event ever holds a secret (`run.ts` redacts commands). */
export type JournalEvent = {
  [K in keyof Events]: { event: K } & z.infer<z.ZodObject<Events[K]>>;
}[keyof Events];

export interface Journal {
  /** Appends, flushes to disk, and returns the event's number (1, 2, …). */
  write(event: JournalEvent): number;
}

/** Of what nobody has to read again. */
export const UNWRITTEN: Journal = { write: () => 0 };

/**
 * A journal of one JSON object a line. Each line is on disk before the call returns: what the journal announces may then
 * happen, and a torn last line is the only damage a crash can do.
 *
 * @param onWritten told of each event, with its number, once it is on disk.
 * @throws {NodeJS.ErrnoException} when the disk is full or read-only; nothing may be changed then. The line is not there.
 */
export function openJournal(
  file: string,
  now: () => number,
  onWritten: (event: JournalEvent, seq: number) => void = () => undefined,
): Journal & { close(): void } {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
  // Flushing a file says nothing about its name (fsync(2)).
  for (const dir of [path.dirname(file), path.dirname(path.dirname(file))]) flushDirectory(dir);
  let seq = 0;
  let size = 0;
  let closed = false;
  return {
    write(event) {
      // Its number may be another file's by now.
      if (closed) throw new Error(`${event.event} after the end of the run`);
      const line = Buffer.from(`${json({ seq: seq + 1, at: new Date(now()).toISOString(), ...event })}\n`);
      appendWhole(fd, line, size);
      seq += 1;
      size += line.length;
      onWritten(event, seq);
      return seq;
    },
    close() {
      closed = true;
      closeSync(fd);
    },
  };
}

/** All of it, on disk, at the end of a file of so many bytes; or nothing: half a line would spoil the one after it. */
export function appendWhole(fd: number, line: Buffer, size: number): void {
  try {
    for (let done = 0; done < line.length; ) done += writeSync(fd, line, done);
    fdatasyncSync(fd);
  } catch (error) {
    ftruncateSync(fd, size);
    throw error;
  }
}

/** Has the names in it on disk. */
export function flushDirectory(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const entries = new Map<string, z.ZodType>(
  Object.entries(events).map(([event, fields]) => [
    event,
    z.object({ seq: z.int().positive(), at: z.iso.datetime(), event: z.literal(event), ...fields }),
  ]),
);
const known = z.object({ event: z.string() });

/** An event as it was written. */
export type Entry = JournalEvent & { readonly seq: number; readonly at: string };

/**
 * Reads a journal as it was left by whatever ended its run. Events of a newer version are passed over.
 *
 * @returns `torn`: the last line had not been written whole, so what it would have announced had not begun.
 */
export function parseJournal(text: string): { readonly entries: readonly Entry[]; readonly torn: boolean } {
  const lines = text.split('\n');
  const rest = lines.pop();
  const read: Entry[] = [];
  for (const line of lines) {
    const said = parseLine(line);
    if (said === 'unreadable') return { entries: read, torn: true };
    if (said !== 'unknown') read.push(said);
  }
  return { entries: read, torn: rest !== '' };
}

function parseLine(line: string): Entry | 'unknown' | 'unreadable' {
  try {
    const said: unknown = JSON.parse(line);
    const schema = entries.get(known.parse(said).event);
    return schema ? (schema.parse(said) as Entry) : 'unknown';
  } catch {
    return 'unreadable';
  }
}

/** Journals of which it was said that they can't be written. */
const unwritable = new WeakSet<Journal>();

/**
 * The same journal for when going on matters more than writing it down: while undoing, and at the end. What the disk does not take is said
 * once.
 */
export function lenient(journal: Journal, screen: Pick<Screen, 'show'>): Journal {
  return {
    write(event) {
      try {
        return journal.write(event);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error; // not the disk's: a mistake of ours
        if (!unwritable.has(journal)) {
          const why = error.message;
          screen.show({
            event: 'warning',
            text: { en: `The journal can't be written: ${why}`, zh: `无法写入流水: ${why}` },
          });
        }
        unwritable.add(journal);
        return 0;
      }
    },
  };
}

/** For looking without a run: `--plan`, `list` commands. Writing a change is a bug. */
export const NO_JOURNAL: Journal = {
  write(event) {
    if (event.event === 'intent') throw new Error(`a change outside of a run: ${event.command}`);
    return 0;
  },
};
