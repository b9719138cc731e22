import { asTyped } from '../../core/command.ts';
import { refuse } from '../../core/refusal.ts';

export const noCommit = (dir: string) =>
  refuse(
    { en: `The repository in ${dir} has no commit yet.`, zh: `${dir} 中的仓库还没有任何提交.` },
    { en: 'Clone the application into this directory first.', zh: '请先将应用代码克隆到该目录.' },
  );

export const wouldReplaceState = (commit: string) =>
  refuse(
    {
      en: `Commit ${commit.slice(0, 10)} has something at .whalefall-ops, where backups and journals of this server are.`,
      zh: `提交 ${commit.slice(0, 10)} 中包含 .whalefall-ops, 该路径存放本服务器的备份与运行流水.`,
    },
    { en: 'Remove it from the repository.', zh: '请从代码仓库中删除它.' },
  );

export const removesEnvironment = (dir: string) => {
  const untrack = asTyped(['git', '-C', dir, 'rm', '--cached', '.env']);
  return refuse(
    {
      en: 'The repository tracks .env, and the new commit no longer has it: git would delete this server’s .env.',
      zh: '仓库此前跟踪了 .env, 而新提交已将其移除: git 会删除本服务器上的 .env.',
    },
    { en: `Let git forget it, the file stays: ${untrack}`, zh: `让 git 不再跟踪该文件 (文件保留): ${untrack}` },
  );
};
