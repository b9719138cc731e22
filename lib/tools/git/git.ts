import { type Command, change, type Extra, read } from '../../core/run.ts';

// The repository's own configuration must not run programs in our name (hooks, monitors, gpg, background maintenance) nor change
// what we read: replaced objects, magic in paths, another encoding. And a command that only looks takes no lock.
const PINNED = [
  '--no-optional-locks',
  '--no-replace-objects',
  '--literal-pathspecs',
  ...[
    'core.fsmonitor=false',
    'core.hooksPath=/dev/null',
    'core.splitIndex=false',
    'gc.auto=0',
    'i18n.logOutputEncoding=UTF-8',
    'log.showSignature=false',
    'maintenance.auto=false',
    'submodule.recurse=false',
  ].flatMap((setting) => ['-c', setting]),
];

const argv = (dir: string, args: readonly string[]) => ['git', ...PINNED, '-C', dir, ...args];

/** `git <args>` in a directory, only looking. Wherever a word could come from outside, `--` or `--end-of-options` precedes it. */
export const git = (dir: string, args: readonly string[], extra: Extra = {}): Command => read(argv(dir, args), extra);

/** `git <args>` that changes the repository or its working tree. */
export const gitChange = (dir: string, args: readonly string[], extra: Extra = {}): Command =>
  change(argv(dir, args), extra);

/**
 * Gets objects and moves remote-tracking refs, nothing else: no FETCH_HEAD, no pruning, no submodules, tags only if asked for (and
 * then a tag that is here stays as it is). A `read`, because neither working tree nor branches nor production notice.
 */
export const fetch = (
  dir: string,
  remote: string,
  refspec: string,
  options: { readonly deadlineMs: number; readonly tags: boolean },
): Command =>
  git(
    dir,
    [
      // Not --quiet: that hides which tags were rejected.
      ...['-c', 'fetch.output=full', 'fetch', '--no-progress', '--no-prune', '--no-recurse-submodules'],
      '--no-write-fetch-head',
      // Beats the configuration, which could name any program of this machine.
      ...['--upload-pack=git-upload-pack', options.tags ? '--tags' : '--no-tags', '--', remote, refspec],
    ],
    { deadlineMs: options.deadlineMs },
  );

/** Lines `<id> TAB refs/heads/<branch>`. */
export const remoteHeads = (dir: string, remote: string, deadlineMs: number): Command =>
  git(dir, ['ls-remote', '--upload-pack=git-upload-pack', '--heads', '--', remote], { deadlineMs });

/** The commit that a revision stands for; exit code 128 when there is none, or several. */
export const commitId = (dir: string, revision: string): Command =>
  git(dir, ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`]);

/** Exit code 1 when this is no possible name for a ref. */
export const checkRefName = (dir: string, ref: string): Command => git(dir, ['check-ref-format', ref]);

/** Points a ref at a commit. `create`: an error when there is such a ref already. */
export const updateRef = (dir: string, ref: string, commit: string, create: boolean): Command =>
  gitChange(dir, ['update-ref', '--', ref, commit, ...(create ? ['0'.repeat(commit.length)] : [])]);

/** Removes a ref, only while it points at this commit. */
export const deleteRef = (dir: string, ref: string, commit: string): Command =>
  gitChange(dir, ['update-ref', '-d', '--', ref, commit]);
