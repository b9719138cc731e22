import { expect, it } from 'vitest';
import { same } from '../../../../lib/core/text.ts';
import { rowChanges, rowsByTable } from '../../../../lib/domain/restoration/losses.ts';

const AS_MANY = same('as many');
const tables = Array.from({ length: 14 }, (_, n) => ({ schema: 'public', name: `t${n}`, rows: n + 1, exact: true }));
const said = (rows: ReturnType<typeof rowChanges>) => rows.map(([what, value]) => `${what.en}: ${value.en}`);

it('names the first tables, and says how many more have changed', () => {
  const lines = said(rowChanges(tables, [], AS_MANY));
  expect(lines).toHaveLength(13);
  expect(lines[0]).toBe('rows in public.t0: 1 → -');
  expect(lines.at(-1)).toBe('more tables: 2');
});

it('passes over those that have as many, and says when all have', () => {
  const then = tables.map((t) => ({ ...t, rows: t.name === 't3' ? 9 : t.rows }));
  expect(said(rowChanges(tables, then, AS_MANY))).toEqual(['rows in public.t3: 4 → 9']);
  expect(said(rowChanges(tables, tables, AS_MANY))).toEqual(['rows: as many']);
});

it('names what is gone by now, and what is new, with or without rows', () => {
  const [first, second] = tables;
  if (!first || !second) throw new Error('no tables');
  expect(said(rowChanges([first], [first, second], AS_MANY))).toEqual(['rows in public.t1: - → 2']);
  expect(said(rowChanges([], [first], AS_MANY))).toEqual(['rows in public.t0: - → 1']);
  expect(said(rowChanges([first, { ...second, rows: 0 }], [first], AS_MANY))).toEqual(['rows in public.t1: 0 → -']);
});

it('says what is an estimate', () => {
  expect(said(rowsByTable([{ schema: 'public', name: 'log', rows: 7, exact: false }]))).toEqual([
    'rows in public.log: ≈ 7',
  ]);
});
