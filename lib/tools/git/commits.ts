import type { Ops } from '../../core/ops.ts';
import { ask, run } from '../../core/run.ts';
import { git } from './git.ts';

/**
 * When a file or directory last changed on the way to a commit, milliseconds since 1970, by its author's clock, which a rebase or a
 * squash leaves as it is; 0 when it never did.
 *
 * @param commit a full id.
 */
export const lastChange = async (ops: Ops, commit: string, path: string): Promise<number> =>
  Number(await ask(ops, git(ops.target.dir, ['log', '-1', '--format=%at', commit, '--', path]))) * 1000;

/** Files of a commit that hold a text, literally. @param commit a full id. */
export async function filesWith(ops: Ops, commit: string, text: string): Promise<string[]> {
  // Exit code 1: none.
  const grep = git(ops.target.dir, ['grep', '-l', '-z', '--no-color', '-F', '-e', text, commit, '--'], {
    deadlineMs: 60_000,
  });
  const found = (await run(ops, grep, [0, 1])).stdout.split('\0').filter(Boolean);
  return found.map((name) => name.slice(commit.length + 1));
}
