import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import type { z } from 'zod';
import { appendWhole } from '../../core/journal.ts';
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

/** Appends to such a file, and flushes; behind a line that a crash has torn, too. */
export function appendLine(file: string, entry: unknown): void {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
  try {
    const { size } = fstatSync(fd);
    const last = Buffer.alloc(1);
    const isTorn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
    appendWhole(fd, Buffer.from(`${isTorn ? '\n' : ''}${json(entry)}\n`), size);
  } finally {
    closeSync(fd);
  }
}
