import { type Command, read } from './command.ts';
import type { RunOps } from './run.ts';
import { run } from './run.ts';

/** What of the deploy directory's repository would be built. */
export interface Checkout {
  /** Full commit id. */
  readonly commit: string;
  readonly subject: string;
  /** Paths that differ from the commit and would be built in: modified, or untracked and not ignored. */
  readonly changed: readonly string[];
}

// Other people's configuration of the repository must not run programs of theirs (hooks, monitors) in our name.
const git = (dir: string, args: readonly string[]): Command =>
  read(['git', '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-C', dir, ...args]);

/** `undefined` when the directory is no git repository or has no commit. */
export async function inspectCheckout(ops: RunOps, dir: string): Promise<Checkout | undefined> {
  const [head, status] = await Promise.all([
    run(ops, git(dir, ['log', '-1', '--format=%H%n%s']), [0, 128]),
    run(ops, git(dir, ['status', '--porcelain', '-z', '--untracked-files=normal']), [0, 128]),
  ]);
  if (head.exitCode !== 0 || status.exitCode !== 0) return undefined;
  const [commit = '', subject = ''] = head.stdout.split('\n');
  return { commit, subject, changed: status.stdout.split('\0').filter(Boolean) };
}
