import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import { refuse } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import { listed } from '../../tools/git/paths.ts';
import type { Remote } from '../../tools/git/remotes.ts';

/** Everything that can be wrong with what is to be deployed. `dir` is the deploy directory. */
const problem = (kind: 'precondition' | 'deadline', what: Text, next: readonly Text[], cause?: unknown) =>
  new OpsError({ kind, what, state: NOTHING_CHANGED, next, cause });

const typed = (dir: string, ...args: string[]) => asTyped(['git', '-C', dir, ...args].map(printable));
const named = (remote: Remote) => `${printable(remote.name)} (${printable(remote.url)})`;

export const notAName = (ref: string): OpsError =>
  refuse(
    { en: `'${printable(ref)}' can't be the name of a branch.`, zh: `'${printable(ref)}' 不是合法的分支名.` },
    {
      en: 'Name a branch of a remote (origin/main), a tag, or a commit id.',
      zh: '请指定远程分支 (origin/main)、标签或提交 ID.',
    },
  );

export const noAnswer = (dir: string, remote: Remote, deadlineMs: number, cause: unknown): OpsError =>
  problem(
    'deadline',
    {
      en: `The remote ${named(remote)} did not send everything within ${deadlineMs / 1000} s, so the fetch was stopped.`,
      zh: `远程仓库 ${named(remote)} 在 ${deadlineMs / 1000} 秒内未完成传输, 已中止拉取.`,
    },
    [
      {
        en: 'Is the host reachable, and does something (firewall, proxy) accept the connection and never answer?',
        zh: '检查该主机是否可达, 是否有防火墙或代理接受了连接却不响应.',
      },
      {
        en: `If it is only slow, fetch by hand first: ${typed(dir, 'fetch', remote.name)}`,
        zh: `若只是网络较慢, 请先手动拉取: ${typed(dir, 'fetch', remote.name)}`,
      },
    ],
    cause,
  );

export const fetchFailed = (dir: string, remote: Remote, stderr: string, cause: unknown): OpsError => {
  const why = printable(stderr.trim());
  return problem(
    'precondition',
    { en: `Nothing could be fetched from ${named(remote)}: ${why}`, zh: `无法从 ${named(remote)} 拉取: ${why}` },
    [
      {
        en: `Is the address right? ${typed(dir, 'remote', '-v')}`,
        zh: `检查地址是否正确: ${typed(dir, 'remote', '-v')}`,
      },
      {
        en: `Do network and access work for this user? ${typed(dir, 'fetch', remote.name)}`,
        zh: `检查当前用户的网络与访问权限: ${typed(dir, 'fetch', remote.name)}`,
      },
    ],
    cause,
  );
};

export const noSuchBranch = (remote: Remote, branch: string, branches: readonly string[]): OpsError =>
  refuse(
    {
      en: `${named(remote)} has no branch '${printable(branch)}'.`,
      zh: `${named(remote)} 没有分支 '${printable(branch)}'.`,
    },
    branches.length === 0
      ? { en: 'It has no branches at all.', zh: '该远程仓库没有任何分支.' }
      : { en: `It has: ${listed(branches)}`, zh: `现有分支: ${listed(branches)}` },
  );

export const unknownRef = (dir: string, ref: string, remotes: readonly Remote[], shallow: boolean): OpsError => {
  const known = remotes.length === 0 ? '-' : remotes.map(named).join(', ');
  const deepen = typed(dir, 'fetch', '--unshallow', remotes[0]?.name ?? 'origin');
  return refuse(
    {
      en: `'${printable(ref)}' is neither a branch, a tag nor a commit here, and does not begin with the name of a remote.`,
      zh: `'${printable(ref)}' 既不是本仓库的分支、标签或提交, 也不以远程仓库名开头.`,
    },
    { en: `Remotes: ${known}`, zh: `现有远程仓库: ${known}` },
    {
      en: `Branches and tags: ${typed(dir, 'branch', '-a')}; ${typed(dir, 'tag')}`,
      zh: `查看分支与标签: ${typed(dir, 'branch', '-a')}; ${typed(dir, 'tag')}`,
    },
    ...given(shallow, () => ({
      en: `This is a shallow clone, older commits are missing: ${deepen}`,
      zh: `这是浅克隆, 缺少较早的提交: ${deepen}`,
    })),
  );
};

/** @param candidates what it could mean, one a line. */
export const ambiguous = (ref: string, candidates: readonly string[]): OpsError =>
  refuse(
    { en: `'${printable(ref)}' is ambiguous.`, zh: `'${printable(ref)}' 有歧义.` },
    { en: 'Name one of these in full:', zh: '请写出其中一个的完整名称:' },
    ...candidates.map((c) => same(printable(c))),
  );

export const movedTag = (dir: string, tag: string, remote: Remote): OpsError =>
  refuse(
    {
      en: `The tag '${printable(tag)}' is another commit here than on ${named(remote)}.`,
      zh: `标签 '${printable(tag)}' 在本地与 ${named(remote)} 上指向不同的提交.`,
    },
    {
      en: `To take the remote's: ${typed(dir, 'fetch', '--force', remote.name, 'tag', tag)}; or name the commit.`,
      zh: `如以远程为准: ${typed(dir, 'fetch', '--force', remote.name, 'tag', tag)}; 也可直接指定提交 ID.`,
    },
  );
