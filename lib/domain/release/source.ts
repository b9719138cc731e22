import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, CommandError, ifFails, onceInRun, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { checkRefName, commitId, fetch, git } from '../../tools/git/git.ts';
import { listRemotes, type Remote, remoteBranches } from '../../tools/git/remotes.ts';
import { openRepository } from '../../tools/git/repository.ts';
import { ambiguous, fetchFailed, movedTag, noAnswer, noSuchBranch, notAName, unknownRef } from './source-errors.ts';

/** What is to be deployed. */
export interface Source {
  /** As it was asked for. */
  readonly ref: string;
  /** Set with `branch` when it is a branch of a remote. */
  readonly remote: string | undefined;
  readonly branch: string | undefined;
  readonly commit: string;
  /** Foreign text: show it through `printable`. */
  readonly subject: string;
  /** ISO 8601 with zone. */
  readonly committedAt: string;
  /** Remotes that could not be asked, although the ref is known without them. */
  readonly warnings: readonly Text[];
}

/**
 * Brings what is to be deployed into the repository and says which commit that is. Only remote-tracking refs and new tags move.
 *
 * @param ref `<remote>/<branch>`, a tag, a commit id, or a branch.
 * @param deadlineMs for each remote.
 * @throws {OpsError} `precondition` or `deadline`; nothing was changed.
 */
export async function fetchSource(ops: Ops, ref: string, deadlineMs = 60_000): Promise<Source> {
  await openRepository(ops);
  const remotes = await listRemotes(ops);
  // A remote's name may have slashes of its own, so the longest that fits.
  const [remote] = remotes.filter((r) => ref.startsWith(`${r.name}/`)).sort((a, b) => b.name.length - a.name.length);
  return remote ? fetchBranch(ops, ref, remote, deadlineMs) : fetchNamed(ops, ref, remotes, deadlineMs);
}

async function fetchBranch(ops: Ops, ref: string, remote: Remote, deadlineMs: number): Promise<Source> {
  const { dir } = ops.target;
  const branch = ref.slice(remote.name.length + 1);
  if ((await run(ops, checkRefName(dir, `refs/heads/${branch}`), [0, 1])).exitCode !== 0) throw notAName(branch);
  const tracking = `refs/remotes/${remote.name}/${branch}`;
  const one = fetch(dir, remote.name, `+refs/heads/${branch}:${tracking}`, { deadlineMs, tags: false });
  await run(ops, one).catch(async (error: unknown) => {
    const missing = error instanceof CommandError && /couldn't find remote ref/.test(error.output.stderr);
    throw missing ? await missingBranch(ops, remote, branch, deadlineMs) : explained(ops, remote, deadlineMs, error);
  });
  const commit = await ask(ops, commitId(dir, tracking));
  return { ref, remote: remote.name, branch, ...(await describe(ops, commit)), warnings: [] };
}

const missingBranch = (ops: Ops, remote: Remote, branch: string, deadlineMs: number): Promise<unknown> =>
  remoteBranches(ops, remote.name, deadlineMs).then(
    (branches) => noSuchBranch(remote, branch, branches),
    (error: unknown) => explained(ops, remote, deadlineMs, error),
  );

async function fetchNamed(ops: Ops, ref: string, remotes: readonly Remote[], deadlineMs: number): Promise<Source> {
  const { dir } = ops.target;
  const failures: OpsError[] = [];
  for (const remote of (await isHere(ops, ref)) ? [] : remotes) {
    const all = fetch(dir, remote.name, `+refs/heads/*:refs/remotes/${remote.name}/*`, { deadlineMs, tags: true });
    await run(ops, all).catch((error: unknown) => {
      const why = explained(ops, remote, deadlineMs, error);
      if (!(why instanceof OpsError)) throw why;
      const rejected = rejectedTags(error);
      if (rejected.includes(ref)) throw movedTag(dir, ref, remote);
      if (rejected.length === 0) failures.push(why);
    });
  }
  const found = await resolveRef(ops, ref, remotes);
  if (found === undefined) throw failures[0] ?? unknownRef(dir, ref, remotes, await isShallow(ops));
  return { ref, ...found, ...(await describe(ops, found.commit)), warnings: failures.map(whatHappened) };
}

/** A full commit id that is here means the same whatever the remotes say. */
async function isHere(ops: Ops, ref: string): Promise<boolean> {
  return (
    /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref) &&
    (await run(ops, commitId(ops.target.dir, ref), [0, 128])).exitCode === 0
  );
}

function explained(ops: Ops, remote: Remote, deadlineMs: number, error: unknown): unknown {
  if (!(error instanceof CommandError)) return error;
  const { dir } = ops.target;
  return error.kind === 'deadline'
    ? noAnswer(dir, remote, deadlineMs, error)
    : fetchFailed(dir, remote, error.output.stderr, error);
}

/** Tags that git did not take from the remote because those here are others; none if anything else failed too. */
function rejectedTags(error: unknown): readonly string[] {
  if (!(error instanceof CommandError) || /^(error|fatal): /m.test(error.output.stderr)) return [];
  return [...error.output.stderr.matchAll(/ -> (\S+) +\(would clobber existing tag\)/g)].map((m) => m[1] ?? '');
}

const isShallow = async (ops: Ops) =>
  (await ask(ops, git(ops.target.dir, ['rev-parse', '--is-shallow-repository']))) === 'true';

async function describe(ops: Ops, commit: string): Promise<Pick<Source, 'commit' | 'subject' | 'committedAt'>> {
  const log = git(ops.target.dir, ['log', '-1', '--format=%cI%n%s', commit, '--']);
  const { stdout } = await onceInRun(ops, `git log ${commit}`, () => run(ops, log));
  const [committedAt = '', subject = ''] = stdout.split('\n');
  return { commit, subject, committedAt };
}

/** A commit's subject; `undefined` when the repository does not have it. @param commit a full id. */
export async function describeCommit(ops: Ops, commit: string): Promise<{ readonly subject: string } | undefined> {
  return describe(ops, commit).catch(
    ifFails((error) => {
      // What is damaged says more.
      if (/^fatal: bad object [0-9a-f]+$/.test(error.output.stderr.trim())) return undefined;
      throw error;
    }),
  );
}

interface Resolved {
  readonly commit: string;
  readonly remote: string | undefined;
  readonly branch: string | undefined;
}

/**
 * Which commit a name means: a tag, a branch here, a branch of any remote, or whatever else git understands (commit ids). git alone
 * would prefer a tag to a branch, and a branch here, however old, to the remote's of the same name: where they differ, nobody is
 * preferred.
 *
 * @returns `undefined` when it means nothing.
 * @throws {OpsError} `precondition` when it means several commits.
 */
async function resolveRef(ops: Ops, ref: string, remotes: readonly Remote[]): Promise<Resolved | undefined> {
  const { dir } = ops.target;
  const candidates = [
    { full: `refs/tags/${ref}`, remote: undefined, branch: undefined },
    ...remotes.map((r) => ({ full: `refs/remotes/${r.name}/${ref}`, remote: r.name, branch: ref })),
    { full: `refs/heads/${ref}`, remote: undefined, branch: ref },
  ];
  const listed = await ask(
    ops,
    git(dir, ['for-each-ref', '--format=%(refname)', '--', ...candidates.map((c) => c.full)]),
  );
  const existing = new Set(listed.split('\n'));
  const found: (Resolved & { full: string })[] = [];
  for (const candidate of candidates) {
    if (!existing.has(candidate.full)) continue;
    found.push({ ...candidate, commit: await ask(ops, commitId(dir, candidate.full)) });
  }
  if (new Set(found.map((f) => f.commit)).size > 1) {
    throw ambiguous(
      ref,
      found.map((f) => `${f.full.replace(/^refs\/remotes\//, '')}  ${f.commit.slice(0, 10)}`),
    );
  }
  const [first] = found;
  if (first) return { commit: first.commit, remote: first.remote, branch: first.branch };

  const { exitCode, stdout, stderr } = await run(ops, commitId(dir, ref), [0, 128]);
  if (exitCode === 0) return { commit: stdout.trim(), remote: undefined, branch: undefined };
  if (!/is ambiguous/.test(stderr)) return undefined;
  const hints = [...stderr.matchAll(/^hint:\s+([0-9a-f]{4,} .*)$/gm)].map((m) => m[1] ?? '');
  throw ambiguous(ref, hints);
}
