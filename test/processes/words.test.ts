import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import type { JournalEvent } from '../../lib/core/journal.ts';
import { asTyped, change, run } from '../../lib/core/run.ts';
import { realOps } from '../support/real-ops.ts';

const HOSTILE = [
  '--help',
  '-x',
  '$(id)',
  '`id`',
  '$PATH',
  "'",
  '"',
  '\\',
  '\n',
  ' ',
  '*',
  '~',
  '!',
  ';',
  '|',
  '\u001b[2J',
  '\u202e',
  '鲸',
  '#',
];
const word = fc.array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 3 })), {
  maxLength: 6,
});
// No argument of any program has a NUL, or half a character.
const words = fc.array(
  word.map((parts) => parts.join('').replace(/\0|\p{Cs}/gu, '')),
  { minLength: 1, maxLength: 20 },
);

const received = (stdout: string) => stdout.split('\0').slice(0, -1);

it('gives every word to the program as it is, through the real shell, and writes it down before', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-words-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const journal: JournalEvent[] = [];
  const ops = { ...realOps(dir), journal: { write: (event: JournalEvent) => journal.push(event) } };
  await fc.assert(
    fc.asyncProperty(words, async (given) => {
      journal.length = 0;
      const argv = ['/usr/bin/printf', '%s\\0', ...given];
      const { stdout } = await run(ops, change(argv));
      expect(received(stdout)).toEqual(given);
      expect(journal).toMatchObject([
        { event: 'intent', command: asTyped(argv) },
        { event: 'result', of: 1, exitCode: 0 },
      ]);
      // Typed again by a person it means the same.
      const typed = await run(ops, change(['bash', '-c', asTyped(argv)]));
      expect(received(typed.stdout)).toEqual(given);
    }),
    { numRuns: 25 },
  );
});
