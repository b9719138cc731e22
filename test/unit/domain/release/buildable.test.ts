import { expect, it } from 'vitest';
import { refusePointers } from '../../../../lib/domain/release/buildable.ts';
import { testOps } from '../../../support/ops.ts';

const COMMIT = 'a'.repeat(40);
const FIRST = 'version https://git-lfs.github.com/spec/v1\n';
const POINTER = `${FIRST}oid sha256:${'0'.repeat(64)}\nsize 12\n`;

/** git at a commit that has these files; it finds those with the pointer's first line. */
const having = (files: Readonly<Record<string, string>>) =>
  testOps(({ argv }) => {
    if (argv.includes('grep')) {
      const found = Object.keys(files).filter((file) => files[file]?.includes(FIRST.trim()));
      return { exitCode: found.length > 0 ? 0 : 1, stdout: found.map((file) => `${COMMIT}:${file}\0`).join('') };
    }
    const blobs = Object.keys(files).map((file, at) => ({ file, blob: `${at}`.repeat(40) }));
    if (argv.includes('ls-tree'))
      return { stdout: blobs.map(({ file, blob }) => `100644 blob ${blob}\t${file}\0`).join('') };
    const asked = blobs.find(({ blob }) => argv.at(-1) === blob);
    if (asked === undefined) throw new Error(argv.join(' '));
    return { stdout: files[asked.file] ?? '' };
  });

it('refuses a commit that has pointers in the place of files, by name', async () => {
  const ops = having({ 'app.py': 'import flask\n', 'static/logo.png': POINTER });
  await expect(refusePointers(ops, COMMIT)).rejects.toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringContaining('static/logo.png') },
  });
});

it('takes a file that only speaks of them for what it is', async () => {
  await refusePointers(having({ 'docs/lfs.md': `A pointer begins so:\n\n${POINTER}` }), COMMIT);
  await refusePointers(having({ 'app.py': 'import flask\n' }), COMMIT);
});
