import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { git } from './git.ts';

/** Files of a commit that hold a text, literally. @param commit a full id. */
export async function filesWith(ops: Ops, commit: string, text: string): Promise<string[]> {
  // Exit code 1: none.
  const grep = git(ops.target.dir, ['grep', '-l', '-z', '--no-color', '-F', '-e', text, commit, '--'], {
    deadlineMs: 60_000,
  });
  const found = (await run(ops, grep, [0, 1])).stdout.split('\0').filter(Boolean);
  return found.map((name) => name.slice(commit.length + 1));
}
