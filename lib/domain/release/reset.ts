import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { withoutLocalFilters } from '../../tools/git/filters.ts';
import { git, gitChange } from '../../tools/git/git.ts';
import { decodePath, escapedBytes } from '../../tools/git/paths.ts';
import { inspectLocal, type LocalChanges } from './local-changes.ts';
import { busyReason, headMoved, newChanges, notReset } from './reset-errors.ts';
import type { SavedLocal } from './save-local.ts';
import { type Snapshot, snapshot } from './snapshot.ts';

/**
 * `git reset --hard` of the current branch, only while everything it would lose is what {@link saveLocal} has kept, byte for byte.
 * Files are checked out through the filters of the person's or the machine's git configuration (LFS would leave pointers
 * otherwise), never through those of the repository's own.
 *
 * @param seen what `inspectLocal` saw for this commit.
 * @param saved what `saveLocal` made of that.
 * @throws {OpsError} `precondition`: something changed meanwhile, or an operation is in progress. Nothing was reset then.
 */
export async function resetTo(
  ops: Ops,
  commit: string,
  seen: LocalChanges,
  saved: SavedLocal | undefined,
): Promise<void> {
  const now = await inspectLocal(ops, commit);
  if (now.inProgress !== undefined) throw notReset(busyReason(now.inProgress));
  if (now.head !== seen.head || now.branch !== seen.branch) throw headMoved(seen, now);
  const losable = [...now.uncommitted, ...now.colliding, ...now.unpushed.map((u) => u.commit.slice(0, 10))];
  if (losable.length > 0) {
    if (saved === undefined) throw newChanges(ops, losable);
    const fresh = await difference(ops, saved.kept, await snapshot(ops, now));
    if (fresh.length > 0) throw newChanges(ops, fresh);
  }
  const filters = await withoutLocalFilters(ops, ops.target.dir);
  await run(
    ops,
    gitChange(ops.target.dir, [...filters, 'reset', '--hard', '--quiet', commit, '--'], { deadlineMs: 300_000 }),
  );
}

/** Paths that differ, in the files or in what is staged. */
async function difference(ops: Ops, before: Snapshot, after: Snapshot): Promise<readonly string[]> {
  const changed = await between(ops, before.files, after.files);
  if (before.staged === after.staged) return changed;
  if (before.staged === undefined || after.staged === undefined) return [...changed, 'index'];
  return [...new Set([...changed, ...(await between(ops, before.staged, after.staged))])];
}

async function between(ops: Ops, before: string, after: string): Promise<readonly string[]> {
  const diff = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', before, after];
  const { stdout } = await run(ops, git(ops.target.dir, diff, { decodeAs: 'latin1' }));
  return stdout
    .split('\0')
    .filter(Boolean)
    .map((bytes) => decodePath(bytes) ?? escapedBytes(bytes));
}
