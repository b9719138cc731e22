import { closeSync, constants, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { z } from 'zod';
import { json } from '../../core/text.ts';

// What this tool wrote down itself. What a crash has torn, or another version wrote, counts as not there.

export function parsedAs<T>(form: z.ZodType<T>, text: string): T | undefined {
  try {
    return form.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** One a line; others' lines are left out. */
export const eachAs = <T extends object>(form: z.ZodType<T>, text: string): T[] =>
  text.split('\n').flatMap((line) => parsedAs(form, line) ?? []);

/** A file that holds one. */
export function readAs<T>(form: z.ZodType<T>, file: string): T | undefined {
  try {
    return parsedAs(form, readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** A file of one a line, the oldest first; none where there is no file. */
export const linesAs = <T extends object>(form: z.ZodType<T>, file: string): T[] =>
  existsSync(file) ? eachAs(form, readFileSync(file, 'utf8')) : [];

/** Appends to such a file, and flushes. */
export function appendLine(file: string, entry: unknown): void {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
  try {
    writeSync(fd, `${json(entry)}\n`);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
