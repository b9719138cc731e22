import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { documentOf, FILES, installed, RESULTS, type Result, type Results } from '../matrix/results.ts';
import { SURROUNDINGS } from '../matrix/surroundings.ts';
import { recipe } from '../sandbox/recipe.ts';

const read = (file: string) => readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8');

it.each(['en', 'zh'] as const)('the document (%s) says what was really run, and nothing else', (language) => {
  const results = JSON.parse(read(RESULTS)) as Results;
  expect(Object.keys(results).filter((name) => !SURROUNDINGS.some((s) => s.name === name))).toEqual([]);
  expect(read(FILES[language])).toBe(documentOf(results, language));
});

it('tells what is as promised, what failed and why, and what was not run', () => {
  const results: Results = {
    'a-debian-12': {
      versions: { engine: '20.10.24' },
      cases: {
        install: { seconds: 12, date: '2026-11-28' },
        drill: { seconds: 3, date: '2026-11-30', failure: 'expected 1 to be +0' },
        'update: one kind': { seconds: 4, date: '2026-11-28' },
        'update: another': { seconds: 5, date: '2026-11-27', failure: 'requests lost' },
        'rebuild: one kind': { seconds: 6, date: '2026-11-28' },
        'rebuild: another': { seconds: 7, date: '2026-11-28' },
      },
    },
    'c-newest': {
      versions: { engine: '28.5.2', nginx: '1.30' },
      cases: { install: { seconds: 9, date: '2026-11-29' } },
    },
  };
  const lines = documentOf(results, 'en').split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      '|  | **a** | **c** |',
      '| run on | 2026-11-27 to 2026-11-30 | 2026-11-29 |',
      '| engine | 20.10.24 | 28.5.2 |',
      '| nginx |  | 1.30 |',
      '| install | ok 12 | ok 9 |',
      '| hot update |  |  |',
      '| drill | **failed** |  |',
      '| hot update to a broken release, each kind | 1/2 **failed** |  |',
      '| rebuild to a broken release, each kind | 2 × ok, 13 |  |',
      '- **a** drill: `expected 1 to be +0`',
      '- **a** update: another: `requests lost`',
    ]),
  );
  const blank = SURROUNDINGS.length * 17 - 5;
  expect(lines).toContain(`Not whole: ${blank} cells are blank, which means that they were not run.`);
});

it('is whole when every case was run in every surrounding', () => {
  const titles = documentOf({}, 'en').match(/^\| ([^|]+) \|$/gm) ?? [];
  expect(titles).not.toEqual([]);
  const rows = [...titles.map((line) => line.slice(2, -2)), 'update: one kind', 'rebuild: one kind'];
  // The last cell of a column that was run on later days otherwise.
  const cases = (day: number) =>
    Object.fromEntries(rows.map((title, i) => [title, { seconds: 1, date: `2026-11-${day - i}` }]));
  const all = SURROUNDINGS.map(({ name }, i) => [name, { versions: {}, cases: cases(i + 9 + rows.length) }] as const);
  const whole = 'Every case was run in every surrounding, the first of them on 2026-11-10.';
  expect(documentOf(Object.fromEntries(all), 'en')).toContain(whole);
  expect(documentOf(Object.fromEntries(all.slice(1)), 'en')).not.toContain('Every case');
});

it('keeps what was run with the same versions when it is installed again, and nothing that was run with others', () => {
  const before: Result = {
    versions: { engine: '20.10', nginx: '1.22' },
    cases: { install: { seconds: 1, date: '2026-11-30' }, drill: { seconds: 2, date: '2026-11-01' } },
  };
  expect(installed(before, { nginx: '1.22', engine: '20.10' }, ['install'])).toEqual(before);
  for (const versions of [{ engine: '20.10', nginx: '1.26' }, { engine: '20.10' }, { ...before.versions, node: '22' }])
    expect(installed(before, versions, ['install'])).toEqual({
      versions,
      cases: { install: { seconds: 1, date: '2026-11-30' } },
    });
});

it('each surrounding has a letter of its own, and a recipe that can be made', () => {
  expect(new Set(SURROUNDINGS.map(({ name }) => name[0])).size).toBe(SURROUNDINGS.length);
  for (const surrounding of SURROUNDINGS) expect(() => recipe(surrounding.recipe)).not.toThrow();
  expect(recipe('sid,alpine')).toEqual({ suite: 'sid', userland: 'alpine', redis: 'redis' });
  expect(() => recipe('sid,busybox')).toThrow('sid,busybox');
});
