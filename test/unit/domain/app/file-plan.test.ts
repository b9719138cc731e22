import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differences, planFiles } from '../../../../lib/domain/app/file-plan.ts';
import type { Inventory } from '../../../../lib/domain/app/inventory.ts';
import { entry, tree } from '../../../support/update-facts.ts';

it('puts what is new or another, removes what git had and has no more, and leaves everything else', () => {
  const before = tree({ same: '1', changed: '1', gone: '1', 'notes.txt': 'by hand' });
  const plan = planFiles(
    before,
    tree({ same: '1', changed: '2', added: '1' }),
    tree({ same: '1', changed: '1', gone: '1' }),
  );
  expect(plan).toEqual({ put: ['changed', 'added'], remove: ['gone'], handEdited: [], inTheWay: [] });
});

it('puts a file of which only the mode changed', () => {
  const after = new Map([['run.sh', entry('1', '100755')]]);
  expect(planFiles(tree({ 'run.sh': '1' }), after, tree({ 'run.sh': '1' })).put).toEqual(['run.sh']);
});

it('removes nothing when it is not known what the former release had', () => {
  expect(planFiles(tree({ a: '1', b: '1' }), tree({ a: '2' }), undefined).remove).toEqual([]);
});

it('names what was changed by hand and will be replaced or removed', () => {
  const before = tree({ a: 'hand', b: 'hand', c: '1' });
  const { handEdited } = planFiles(before, tree({ a: '2', c: '2' }), tree({ a: '1', b: '1', c: '1' }));
  expect(handEdited).toEqual(['a', 'b']);
});

it('replaces what was only checked out with other line ends, and calls nobody its author', () => {
  const before = new Map([['a', { ...entry('crlf'), normalized: ['1'] }]]);
  expect(planFiles(before, tree({ a: '1' }), tree({ a: '1' }))).toMatchObject({ put: ['a'], handEdited: [] });
  expect(planFiles(before, tree({ a: '2' }), tree({ a: '0' })).handEdited).toEqual(['a']);
});

it.each([
  ['a file where the release has a directory', tree({ thing: 'hand' }), tree({ 'thing/a': '1' }), ['thing']],
  ['a directory where the release has a file', tree({ 'thing/a': 'hand' }), tree({ thing: '1' }), ['thing/a']],
])('names %s that is not from git', (_what, before, after, inTheWay) => {
  expect(planFiles(before, after, tree({})).inTheWay).toEqual(inTheWay);
});

it('lets a file of the former release become a directory', () => {
  const plan = planFiles(tree({ thing: '1' }), tree({ 'thing/a': '1' }), tree({ thing: '1' }));
  expect(plan).toMatchObject({ put: ['thing/a'], remove: ['thing'], inTheWay: [] });
});

const name = fc.constantFrom('a', 'b', 'c', 'd/e', 'd/f');
const inventory: fc.Arbitrary<Inventory> = fc
  .array(fc.tuple(name, fc.constantFrom('1', '2')), { maxLength: 6 })
  .map((files) => tree(Object.fromEntries(files)));

it('always ends at the release plus what never came from git', () => {
  fc.assert(
    fc.property(inventory, inventory, inventory, (before, after, former) => {
      const { put, remove } = planFiles(before, after, former);
      const result = new Map(before);
      for (const path of remove) result.delete(path);
      for (const path of put) result.set(path, after.get(path) ?? entry('?'));
      const foreign = [...before].filter(([path]) => !after.has(path) && !former.has(path));
      expect(differences(result, new Map([...after, ...foreign]))).toEqual([]);
    }),
  );
});
