import { closeSync, constants, fdatasyncSync, openSync, writeSync } from 'node:fs';

/** What a run wrote down; names and fields are stable. No event ever holds a secret (`run.ts` redacts commands). */
export type JournalEvent =
  | { event: 'run-start'; script: string; version: string; pid: number; options: Record<string, unknown> }
  | { event: 'plan'; steps: readonly string[] }
  | { event: 'consent'; things: readonly string[] }
  | { event: 'step-start'; step: string }
  | { event: 'intent'; command: string }
  | { event: 'result'; of: number; exitCode: number; milliseconds: number }
  /** A fact that undoing needs and that a later process could not find out by looking. */
  | { event: 'note'; key: string; value: unknown }
  | { event: 'step-done'; step: string; milliseconds: number; evidence?: string }
  | { event: 'step-failed'; step: string; error: string }
  | { event: 'undo-start'; step: string }
  | { event: 'undo-done'; step: string }
  | { event: 'undo-failed'; step: string; error: string }
  | { event: 'run-end'; exitCode: number; verdict: string };

export interface Journal {
  /** Appends, flushes to disk, and returns the event's number (1, 2, …). */
  write(event: JournalEvent): number;
}

/**
 * A journal of one JSON object a line. Each line is on disk before the call returns: what the journal announces may then
 * happen, and a torn last line is the only damage a crash can do.
 *
 * @param onWritten told of each event once it is on disk.
 * @throws {NodeJS.ErrnoException} when the disk is full or read-only; nothing may be changed then.
 */
export function openJournal(
  file: string,
  now: () => number,
  onWritten: (event: JournalEvent) => void = () => undefined,
): Journal & { close(): void } {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
  let seq = 0;
  return {
    write(event) {
      seq += 1;
      writeSync(fd, `${JSON.stringify({ seq, at: new Date(now()).toISOString(), ...event })}\n`);
      fdatasyncSync(fd);
      onWritten(event);
      return seq;
    },
    close: () => closeSync(fd),
  };
}

/** For looking without a run: `--plan`, `list` commands. Writing a change is a bug. */
export const NO_JOURNAL: Journal = {
  write(event) {
    if (event.event === 'intent') throw new Error(`a change outside of a run: ${event.command}`);
    return 0;
  },
};
