import { type RunOps, run } from '../../core/run.ts';
import { withoutLocalFilters } from './filters.ts';
import { git } from './git.ts';
import { refuseForeignPrograms } from './programs.ts';

/** Which commit would be built, and what of the deploy directory would not. */
export interface Checkout {
  /** Full commit id. */
  readonly commit: string;
  readonly subject: string;
  /** Paths that differ from the commit, each after git's two marks: modified, or untracked and not ignored. */
  readonly changed: readonly string[];
}

/**
 * `undefined` when the directory is no git repository or has no commit.
 *
 * @throws {OpsError} `precondition` when the repository's own configuration would have git run programs.
 */
export async function inspectCheckout(ops: RunOps, dir: string): Promise<Checkout | undefined> {
  const head = await run(ops, git(dir, ['log', '-1', '--format=%H%n%s']), [0, 128]);
  if (head.exitCode !== 0) return undefined;
  await refuseForeignPrograms(ops, dir);
  // A submodule's files have filters of its own configuration, and status would go into it.
  // A renamed one would be two entries of which the second has no marks.
  const how = ['--no-renames', '--untracked-files=normal', '--ignore-submodules=dirty'];
  const filters = await withoutLocalFilters(ops, dir);
  const status = await run(ops, git(dir, [...filters, 'status', '--porcelain', '-z', ...how]), [0, 128]);
  if (status.exitCode !== 0) return undefined;
  const [commit = '', subject = ''] = head.stdout.split('\n');
  return { commit, subject, changed: status.stdout.split('\0').filter(Boolean) };
}
