import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { findArtefacts } from '../../../../lib/domain/release/artefacts.ts';
import { testOps } from '../../../support/ops.ts';
import { tree } from '../../../support/update-facts.ts';

function directory() {
  const ops = testOps(() => undefined);
  const dist = path.join(ops.target.dir, 'frontend/dist');
  mkdirSync(path.join(dist, 'assets'), { recursive: true });
  writeFileSync(path.join(dist, 'index.html'), 'hello\n');
  writeFileSync(path.join(dist, 'assets/run'), '');
  chmodSync(path.join(dist, 'assets/run'), 0o755);
  symlinkSync('index.html', path.join(dist, 'home'));
  return ops;
}

it('takes what a build left in the deploy directory, under the names that git would give the contents', () => {
  const { directories, files } = findArtefacts(directory(), tree({ 'app/a.py': '1' }), []);
  expect(directories.map((d) => d.path)).toEqual(['frontend/dist']);
  // printf 'hello\n' | git hash-object --stdin; git hash-object -t blob /dev/null; printf index.html | git hash-object --stdin
  expect(Object.fromEntries(files)).toEqual({
    'frontend/dist/index.html': { mode: '100644', blob: 'ce013625030ba8dba906f756967f9e9ca394464a' },
    'frontend/dist/assets/run': { mode: '100755', blob: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391' },
    'frontend/dist/home': { mode: '120000', blob: '64233a9e9589b022576fca2cc18396d3744173c4' },
  });
});

it('leaves a directory to git of which the commit has any file', () => {
  expect(findArtefacts(directory(), tree({ 'frontend/dist/index.html': '1' }), []).directories).toEqual([]);
});

it('leaves a directory to the stage of the Dockerfile that makes it', () => {
  expect(findArtefacts(directory(), tree({}), ['frontend/dist']).directories).toEqual([]);
});

it('has none where nothing was built', () => {
  expect(
    findArtefacts(
      testOps(() => undefined),
      tree({}),
      [],
    ).directories,
  ).toEqual([]);
});
