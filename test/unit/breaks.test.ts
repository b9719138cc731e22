import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rowOf } from '../breaks/break.ts';
import { BREAKS } from '../breaks/index.ts';

const text = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

it.each(BREAKS.map((b) => [b.what.en, b] as const))('can still be made: %s', (_what, { edits, test, named }) => {
  for (const { file, from, to } of edits) {
    expect(text(file).split(from), `${file}: ${from}`).toHaveLength(2);
    expect(to).not.toBe(from);
  }
  expect(existsSync(new URL(`../../${test}`, import.meta.url)), test).toBe(true);
  // Of a test with a name for each case, the name as it is in the file is only its beginning.
  const words = (named ?? '').split(': ');
  for (const part of words) expect(text(test)).toContain(part);
});

describe.each([
  ['docs/reliability.md', 'en'],
  ['docs/reliability.zh-CN.md', 'zh'],
] as const)('%s', (file, language) => {
  it('has every break, and no other', () => {
    const rows = text(file).match(/^\|.*\|$/gm) ?? [];
    const begin = rows.findIndex((row) => /^\| (break|改坏之处) /.test(row)) + 2;
    expect(rows.slice(begin)).toEqual(BREAKS.map((b) => rowOf(b, language)));
  });
});
