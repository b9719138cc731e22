import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Break } from './break.ts';
import { BREAKS } from './index.ts';

// Makes each break in a copy of the repository and runs the test that must notice. `npm run breaks` leaves out what needs the engine;
// `npm run breaks -- e2e "the lock"`: those with one of these in the test's path or the break's name.
const words = process.argv.slice(2);
const isMeant = ({ test, what }: Break) =>
  words.length > 0 ? words.some((word) => `${test} ${what.en}`.includes(word)) : !test.includes('/e2e/');
const wanted = BREAKS.filter(isMeant);
const root = path.resolve(import.meta.dirname, '../..');
const copy = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-breaks-'));

interface Ran {
  readonly failed: boolean;
  readonly text: string;
}

function run({ test, named }: Break): Ran {
  const tier = /^test\/(processes|e2e)\//.exec(test)?.[1];
  const config = tier ? ['--config', `vitest.${tier}.config.ts`] : [];
  const only = named ? ['-t', named.replace(/[.()]/g, '\\$&')] : [];
  const { stdout, stderr, status } = spawnSync('npx', ['vitest', 'run', ...config, test, ...only], {
    cwd: copy,
    encoding: 'utf8',
    maxBuffer: 1e9,
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { failed: status !== 0, text: stdout + stderr };
}

/** A test that does not run, or fails for another reason, has noticed nothing. */
function noticed({ named, says }: Break, { failed, text }: Ran): boolean {
  const tells = text.split('\n').some((line) => /^ *(FAIL|×)/.test(line) && line.includes(named ?? ''));
  return failed && tells && text.includes(says ?? '');
}

function broken<T>({ edits }: Break, use: () => T): T {
  const files = new Map(edits.map(({ file }) => [path.join(copy, file), readFileSync(path.join(copy, file), 'utf8')]));
  try {
    for (const { file, from, to } of edits) {
      const at = path.join(copy, file);
      writeFileSync(
        at,
        readFileSync(at, 'utf8').replace(from, () => to),
      );
    }
    return use();
  } finally {
    for (const [file, text] of files) writeFileSync(file, text);
  }
}

try {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of listed.stdout.split('\0').filter(Boolean)) cpSync(path.join(root, file), path.join(copy, file));
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  let unnoticed = 0;
  for (const one of wanted) {
    const ran = broken(one, () => run(one));
    const good = noticed(one, ran);
    if (!good) unnoticed += 1;
    console.log(`${good ? 'noticed  ' : 'UNNOTICED'}  ${one.what.en}  (${one.test})`);
    if (!good) console.log(ran.text.slice(-4000));
  }
  console.log(`${wanted.length - unnoticed} of ${wanted.length} breaks noticed`);
  process.exitCode = unnoticed === 0 ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
