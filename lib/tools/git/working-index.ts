import { copyFileSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { git } from './git.ts';
import type { Repository } from './repository.ts';

type Env = Readonly<Record<string, string>>;

/** Lets `work` use an index of its own, which is gone afterwards; the person's stays as it is. */
export async function withIndex<T>(ops: Ops, work: (env: Env, file: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(path.join(ops.paths.run, 'index-'));
  const file = path.join(scratch, 'index');
  try {
    return await work({ GIT_INDEX_FILE: file }, file);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Lets `work` see changes that git was told not to look for (`git update-index --assume-unchanged`, `--skip-worktree`: a known trick
 * to keep a server's own settings). `git reset --hard` overwrites them all the same.
 */
export async function withHiddenChanges<T>(
  ops: Ops,
  repository: Repository,
  work: (env: Env) => Promise<T>,
): Promise<T> {
  const { dir } = ops.target;
  const { stdout } = await run(ops, git(dir, ['ls-files', '-v', '-z'], { decodeAs: 'latin1' }));
  // "h path": lower case is assume-unchanged, S is skip-worktree. A sparse checkout has many that aren't there at all.
  const hidden = stdout
    .split('\0')
    .filter((line) => /^([a-z]|S) /.test(line))
    .map((line) => Buffer.from(line.slice(2), 'latin1'))
    .filter((bytes) => lstatSync(Buffer.concat([Buffer.from(`${dir}/`), bytes]), { throwIfNoEntry: false }));
  if (hidden.length === 0) return work({});
  return withIndex(ops, async (env, file) => {
    copyFileSync(path.join(repository.gitDir, 'index'), file);
    const input = hidden.map((bytes) => `${bytes.toString('utf8')}\0`).join('');
    for (const flag of ['--no-assume-unchanged', '--no-skip-worktree']) {
      await run(ops, git(dir, ['update-index', flag, '-z', '--stdin'], { env, input }));
    }
    return work(env);
  });
}
