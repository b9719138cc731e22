import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rowOf } from '../breaks/break.ts';
import { BREAKS } from '../breaks/index.ts';

const at = (file: string) => new URL(`../../${file}`, import.meta.url);
const text = (file: string) => readFileSync(at(file), 'utf8');

/** With the cases that a test's file has in a directory of its name. */
function withCases(test: string): string {
  const dir = test.replace(/(\.e2e)?\.test\.ts$/, '');
  const cases = existsSync(at(dir)) ? readdirSync(at(dir)).map((name) => `${dir}/${name}`) : [];
  return [test, ...cases].map(text).join('\n');
}

it.each(BREAKS.map((b) => [b.what.en, b] as const))('can still be made: %s', (_what, { edits, test, named }) => {
  for (const { file, from, to } of edits) {
    expect(text(file).split(from), `${file}: ${from}`).toHaveLength(2);
    expect(to).not.toBe(from);
  }
  // Of a test with a name for each case, the name as it is in the file is only its beginning.
  const words = (named ?? '').split(': ');
  for (const part of words) expect(withCases(test)).toContain(part);
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
