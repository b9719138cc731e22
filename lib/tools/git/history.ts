import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import { git } from './git.ts';

/**
 * When a file or directory last changed on the way to a commit, milliseconds since 1970, by its author's clock, which a rebase or a
 * squash leaves as it is; 0 when it never did.
 *
 * @param commit a full id.
 */
export const lastChange = async (ops: Ops, commit: string, path: string): Promise<number> =>
  Number(await ask(ops, git(ops.target.dir, ['log', '-1', '--format=%at', commit, '--', path]))) * 1000;
