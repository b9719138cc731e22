import path from 'node:path';
import { refuse } from '../../core/refusal.ts';
import { listed } from '../../tools/git/paths.ts';

/** `.env`, `.env.production`, and what editors and people make of it (`.env~`, `.env-old`); not `env.example`. */
export const isEnvironment = (file: string) => /^\.env/i.test(path.basename(file));

export const environmentInTheWay = (files: readonly string[]) =>
  refuse(
    {
      en: `The new commit would overwrite this server's ${listed(files)}. It may hold passwords, so it is not saved in git.`,
      zh: `新提交会覆盖本服务器上的 ${listed(files)}. 其中可能含有密码, 因此不会保存到 git 中.`,
    },
    {
      en: 'Remove the file from the repository (git rm --cached), and keep it in .gitignore; or move yours out of the directory first.',
      zh: '请将该文件从代码仓库中移除 (git rm --cached) 并写入 .gitignore, 或先把服务器上的文件移出该目录.',
    },
  );

export const repositoryInTheWay = (directories: readonly string[]) =>
  refuse(
    {
      en: `Where the new commit has files there is another git repository: ${listed(directories)}`,
      zh: `新提交的文件路径上存在另一个 git 仓库: ${listed(directories)}`,
    },
    { en: 'Move it out of the directory.', zh: '请将其移出该目录.' },
  );
