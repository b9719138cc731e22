import type { Ops } from '../../core/ops.ts';
import { ask, asTyped, run } from '../../core/run.ts';
import { withoutLocalFilters } from '../../tools/git/filters.ts';
import { git, gitChange, updateRef } from '../../tools/git/git.ts';
import { decodePath, escapedBytes } from '../../tools/git/paths.ts';
import { inspectLocal, type LocalChanges } from './local-changes.ts';
import { busyReason, headMoved, newChanges, notReset } from './reset-errors.ts';
import { type Snapshot, snapshot } from './snapshot.ts';

export interface SavedLocal {
  readonly ref: string;
  /** Full id. Its parent is HEAD; or HEAD itself when no file differs from it. */
  readonly commit: string;
  /** What was kept, to see later whether more has changed. */
  readonly kept: Snapshot;
  /** Exact commands to get it back: all of it, or one file (PATH); commits as a branch. */
  readonly getBack: readonly string[];
}

/**
 * Keeps everything that a reset would lose under `refs/whalefall-ops/saved/<name>`. Working tree, index and configuration stay as they
 * are; no identity has to be configured.
 *
 * @param name the run's directory name.
 * @returns `undefined` when there is nothing to keep.
 * @throws {OpsError} `precondition`: see `snapshot`.
 */
export async function saveLocal(ops: Ops, changes: LocalChanges, name: string): Promise<SavedLocal | undefined> {
  const { uncommitted, colliding, unpushed, head } = changes;
  if (uncommitted.length + colliding.length + unpushed.length === 0) return undefined;
  const kept = await snapshot(ops, changes);
  const { dir } = ops.target;
  const headTree = await ask(ops, git(dir, ['rev-parse', `${head}^{tree}`]));
  const ref = `refs/whalefall-ops/saved/${name}`;
  const stagedRef = `${ref}-staged`;
  const commit = kept.files === headTree ? head : await commitTree(ops, kept.files, head, name);
  await run(ops, updateRef(dir, ref, commit, true));
  // A file can be staged in one version and lie there in another.
  const stagedToo = kept.staged !== undefined && kept.staged !== headTree && kept.staged !== kept.files;
  if (stagedToo) await run(ops, updateRef(dir, stagedRef, await commitTree(ops, kept.staged, head, name), true));
  const typed = (...args: string[]) => asTyped(['git', '-C', dir, ...args]);
  const refs = [...(commit === head ? [] : [ref]), ...(stagedToo ? [stagedRef] : [])];
  return {
    ref,
    commit,
    kept,
    getBack: [
      ...refs.flatMap((r) => [typed('cherry-pick', '--no-commit', r), typed('restore', `--source=${r}`, '--', 'PATH')]),
      ...(unpushed.length > 0 ? [typed('branch', `saved-${name}`, ref)] : []),
    ],
  };
}

/** Keeps a deployed commit for ever, also when the remote's branch is rewritten. Doing it again with the same commit is no error. */
export async function keepRelease(ops: Ops, commit: string, name: string): Promise<void> {
  await run(ops, updateRef(ops.target.dir, `refs/whalefall-ops/releases/${name}`, commit, false));
}

function commitTree(ops: Ops, tree: string, parent: string, name: string): Promise<string> {
  const date = `${Math.floor(ops.clock.now() / 1000)} +0000`;
  const person = (role: 'AUTHOR' | 'COMMITTER') => ({
    [`GIT_${role}_NAME`]: 'whalefall-ops',
    [`GIT_${role}_EMAIL`]: 'whalefall-ops@localhost',
    [`GIT_${role}_DATE`]: date,
  });
  return ask(
    ops,
    gitChange(ops.target.dir, ['commit-tree', '-p', parent, tree], {
      env: { ...person('AUTHOR'), ...person('COMMITTER') },
      input: `Local changes in the deploy directory before ${name}\n`,
    }),
  );
}

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
