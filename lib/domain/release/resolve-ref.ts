import type { Ops } from '../../core/ops.ts';
import { ask, run } from '../../core/run.ts';
import { commitId, git } from '../../tools/git/git.ts';
import type { Remote } from '../../tools/git/remotes.ts';
import { ambiguous } from './source-errors.ts';

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
export async function resolveRef(ops: Ops, ref: string, remotes: readonly Remote[]): Promise<Resolved | undefined> {
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
