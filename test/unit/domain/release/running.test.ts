import { expect, it } from 'vitest';
import type { Inventory } from '../../../../lib/domain/app/inventory.ts';
import { judge } from '../../../../lib/domain/release/running.ts';

const tree = (files: Record<string, string>): Inventory =>
  new Map(Object.entries(files).map(([path, blob]) => [path, { mode: '100644', blob }]));

const OLD = { commit: 'old', tree: tree({ 'a.py': '1', 'b.py': '1', 'docs/x.md': '1' }) };
const NEW = { commit: 'new', tree: tree({ 'a.py': '2', 'b.py': '1', 'docs/x.md': '1' }) };
const MORE = { commit: 'more', tree: tree({ 'a.py': '1', 'b.py': '1', 'c.py': '1', 'docs/x.md': '1' }) };
const LESS = { commit: 'less', tree: tree({ 'a.py': '1', 'docs/x.md': '1' }) };

it.each([
  ['the files of a commit', { 'a.py': '2', 'b.py': '1', 'docs/x.md': '1' }, [OLD, NEW], 'new', 0],
  ['an image that leaves files out', { 'a.py': '2', 'b.py': '1' }, [OLD, NEW], 'new', 0],
  ['files that git never had', { 'a.py': '1', 'b.py': '1', 'built.js': '9' }, [NEW, OLD], 'old', 0],
  ['a commit that only adds a file, and is not there', { 'a.py': '1', 'b.py': '1' }, [MORE, OLD], 'old', 0],
  ['a commit that only removes a file, and is not there', { 'a.py': '1', 'b.py': '1' }, [LESS, OLD], 'old', 0],
  [
    'the likelier of two with the same files',
    { 'a.py': '1', 'b.py': '1' },
    [{ ...OLD, commit: 'likely' }, OLD],
    'likely',
    0,
  ],
  ['a file that was edited by hand', { 'a.py': '2', 'b.py': 'by hand' }, [OLD, NEW], undefined, 1],
] as const)('%s', (_what, files, candidates, commit, differs) => {
  expect(judge(tree(files), candidates, undefined)).toMatchObject({ commit, nearest: { differs } });
});

it('knows a commit by files that were checked out with other line ends', () => {
  const files = new Map([...tree({ 'b.py': '1' }), ['a.py', { mode: '100644', blob: 'crlf', normalized: ['2'] }]]);
  expect(judge(files, [OLD, NEW], undefined)).toMatchObject({ commit: 'new', nearest: { differs: 0 } });
});

it('believes a mark whose commit is not in the repository', () => {
  expect(judge(tree({ 'a.py': '3' }), [OLD], 'elsewhere')).toEqual({ commit: 'elsewhere', nearest: undefined });
});

it('does not believe a mark that other files contradict', () => {
  expect(judge(tree({ 'a.py': '1', 'b.py': '1' }), [NEW, OLD], 'new')).toMatchObject({ commit: 'old' });
});
