import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { ask, asTyped, run } from '../../core/run.ts';
import { collisions } from '../../tools/git/collisions.ts';
import { withoutLocalFilters } from '../../tools/git/filters.ts';
import { commitId, git } from '../../tools/git/git.ts';
import { decodePath, notUtf8 } from '../../tools/git/paths.ts';
import { openRepository, type Repository } from '../../tools/git/repository.ts';
import { treeOf } from '../../tools/git/tree.ts';
import { withHiddenChanges } from '../../tools/git/working-index.ts';

/** What `git reset --hard` would lose of the deploy directory, and where it stands. Paths and subjects are foreign text. */
export interface LocalChanges {
  /** Nothing would be lost, and nothing is in progress. */
  readonly none: boolean;
  /** Tracked files that differ from HEAD, staged or not, also deleted and new ones; a renamed one by both names. */
  readonly uncommitted: readonly string[];
  /** Untracked or ignored files that stand where the commit has something. A trailing `/` means a repository of its own. */
  readonly colliding: readonly string[];
  /** Commits of HEAD that neither the commit nor any remote-tracking ref has; newest first. */
  readonly unpushed: readonly { readonly commit: string; readonly subject: string }[];
  /** merge, rebase, cherry-pick, revert, bisect, or `index.lock`. */
  readonly inProgress: string | undefined;
  /** `undefined` when HEAD is detached. */
  readonly branch: string | undefined;
  readonly head: string;
}

/**
 * What would be lost by `git reset --hard <commit>`. Only looks. `.whalefall-ops` is never counted.
 *
 * @throws {OpsError} `precondition`: no repository, no commit in it yet, file names that are not UTF-8, or a commit that
 *   would replace `.whalefall-ops` or delete this server's `.env`.
 */
export async function inspectLocal(ops: Ops, commit: string): Promise<LocalChanges> {
  const repository = await openRepository(ops);
  const head = await run(ops, commitId(ops.target.dir, 'HEAD'), [0, 128]);
  if (head.exitCode !== 0) throw noCommit(ops.target.dir);
  const wanted = [...(await treeOf(ops, commit)).keys()];
  if (wanted.some(isOurs)) throw wouldReplaceState(commit);
  if (!wanted.includes('.env') && (await isTracked(ops, '.env'))) throw removesEnvironment(ops.target.dir);
  const [uncommitted, untracked, unpushed, branch] = await Promise.all([
    listUncommitted(ops, repository, new Set(wanted.map(asBytes))),
    list(ops, ['ls-files', '--others', '-z']), // ours are in nobody's way: see above
    listUnpushed(ops, commit),
    run(ops, git(ops.target.dir, ['symbolic-ref', '--quiet', 'HEAD']), [0, 1]),
  ]);
  const colliding = readable(collisions(wanted.map(asBytes), untracked));
  const inProgress = findInProgress(repository);
  return {
    none: uncommitted.length + colliding.length + unpushed.length === 0 && inProgress === undefined,
    uncommitted,
    colliding,
    unpushed,
    inProgress,
    branch: branch.exitCode === 0 ? branch.stdout.trim().replace(/^refs\/heads\//, '') : undefined,
    head: head.stdout.trim(),
  };
}

const isOurs = (file: string) => file === '.whalefall-ops' || file.startsWith('.whalefall-ops/');

const asBytes = (file: string) => Buffer.from(file).toString('latin1');

/** @param raw paths, one character per byte. */
function readable(raw: readonly string[]): readonly string[] {
  const unreadable = raw.filter((bytes) => decodePath(bytes) === undefined);
  if (unreadable.length > 0) throw notUtf8(unreadable);
  return raw.flatMap((bytes) => decodePath(bytes) ?? []);
}

/** Paths that git lists, one character per byte. */
async function list(ops: Ops, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { stdout } = await run(ops, git(ops.target.dir, args, { env, decodeAs: 'latin1', deadlineMs: 60_000 }));
  return stdout.split('\0').filter(Boolean);
}

/** Whether a file is here and git would delete it with a commit that doesn't have it. */
async function isTracked(ops: Ops, file: string): Promise<boolean> {
  const tracked = await list(ops, ['ls-files', '-z', '--', file]);
  return tracked.length > 0 && existsSync(path.join(ops.target.dir, file));
}

async function listUncommitted(
  ops: Ops,
  repository: Repository,
  wanted: ReadonlySet<string>,
): Promise<readonly string[]> {
  // A submodule's content stays where it is, so it is not asked.
  const status = ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=no', '--ignore-submodules=all'];
  const filters = await withoutLocalFilters(ops, ops.target.dir);
  const lines = await withHiddenChanges(ops, repository, (env) => list(ops, [...filters, ...status], env));
  // What is only deleted, or only no longer tracked, and not in the commit either, stays so.
  const lost = lines.filter((line) => !/^(D | D)/.test(line) || wanted.has(line.slice(3)));
  return readable(lost.map((line) => line.slice(3)).filter((file) => !isOurs(file)));
}

async function listUnpushed(ops: Ops, commit: string): Promise<LocalChanges['unpushed']> {
  const not = ['--not', commit, '--remotes', '--glob=refs/whalefall-ops/releases/*'];
  const log = ['log', '-z', '--format=%H%n%s', 'HEAD', ...not, '--'];
  const entries = (await ask(ops, git(ops.target.dir, log))).split('\0').filter(Boolean);
  return entries.map((entry) => {
    const [id = '', subject = ''] = entry.split('\n');
    return { commit: id, subject };
  });
}

const SIGNS: readonly (readonly [file: string, operation: string])[] = [
  ['MERGE_HEAD', 'merge'],
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['BISECT_LOG', 'bisect'],
  ['index.lock', 'index.lock'],
];

const findInProgress = ({ gitDir }: Repository): string | undefined =>
  SIGNS.find(([file]) => existsSync(path.join(gitDir, file)))?.[1];

const noCommit = (dir: string) =>
  refuse(
    { en: `The repository in ${dir} has no commit yet.`, zh: `${dir} 中的仓库还没有任何提交.` },
    { en: 'Clone the application into this directory first.', zh: '请先将应用代码克隆到该目录.' },
  );

const wouldReplaceState = (commit: string) =>
  refuse(
    {
      en: `Commit ${commit.slice(0, 10)} has something at .whalefall-ops, where backups and journals of this server are.`,
      zh: `提交 ${commit.slice(0, 10)} 中包含 .whalefall-ops, 该路径存放本服务器的备份与运行流水.`,
    },
    { en: 'Remove it from the repository.', zh: '请从代码仓库中删除它.' },
  );

const removesEnvironment = (dir: string) => {
  const untrack = asTyped(['git', '-C', dir, 'rm', '--cached', '.env']);
  return refuse(
    {
      en: 'The repository tracks .env, and the new commit no longer has it: git would delete this server’s .env.',
      zh: '仓库此前跟踪了 .env, 而新提交已将其移除: git 会删除本服务器上的 .env.',
    },
    { en: `Let git forget it, the file stays: ${untrack}`, zh: `让 git 不再跟踪该文件 (文件保留): ${untrack}` },
  );
};
