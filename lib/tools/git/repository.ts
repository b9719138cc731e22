import { lstatSync } from 'node:fs';
import path from 'node:path';
import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { asTyped, CommandError, onceInRun, run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { git } from './git.ts';
import { refuseForeignPrograms } from './programs.ts';

/** Where the deploy directory's repository keeps its things; absolute. */
export interface Repository {
  /** This working tree's own: HEAD, index, the state of a merge or rebase. */
  readonly gitDir: string;
  readonly objects: string;
}

/**
 * The repository whose working tree is the deploy directory.
 *
 * @throws {OpsError} `precondition`: there is none, it begins further up or has no working tree, or git refuses because it belongs
 *   to another user, or its configuration would run programs.
 */
export async function openRepository(ops: Ops): Promise<Repository> {
  const { dir } = ops.target;
  const what = ['--absolute-git-dir', '--is-inside-work-tree', '--show-cdup', '--git-path', 'objects'];
  const asked = git(dir, ['rev-parse', ...what]);
  // Where a repository is does not change meanwhile; what its configuration would run is asked each time.
  const { stdout } = await onceInRun(ops, `git repository ${dir}`, () => run(ops, asked)).catch((error: unknown) => {
    throw error instanceof CommandError && error.output.exitCode === 128 ? refused(dir, error.output.stderr) : error;
  });
  const [gitDir = '', inWorkTree, up, objects = ''] = stdout.split('\n');
  if (inWorkTree !== 'true' || up !== '') throw notTheTop(dir);
  await refuseForeignPrograms(ops, dir);
  return { gitDir, objects: path.resolve(dir, objects) };
}

function refused(dir: string, stderr: string): OpsError {
  if (/dubious ownership|unsafe repository/.test(stderr)) return otherOwner(dir, stderr);
  const why = printable(stderr.trim());
  const noRepository = /not a git repository/.test(stderr);
  return refuse(
    noRepository
      ? { en: `${dir} is not a git repository.`, zh: `${dir} 不是 git 仓库.` }
      : { en: `git can't read the repository in ${dir}: ${why}`, zh: `git 无法读取 ${dir} 中的仓库: ${why}` },
    {
      en: 'Name the directory that production was cloned into with --dir.',
      zh: '用 --dir 指定生产环境代码所克隆到的目录.',
    },
  );
}

function otherOwner(dir: string, stderr: string): OpsError {
  const uid = lstatSync(dir, { throwIfNoEntry: false })?.uid;
  // git names the directory as it compares it, which may be another spelling than ours.
  const advice = /^\s*(git config --global --add safe\.directory .+)$/m.exec(stderr)?.[1];
  const command = printable(advice ?? asTyped(['git', 'config', '--global', '--add', 'safe.directory', dir]));
  return refuse(
    {
      en: `git refuses to work in ${dir}: it belongs to another user${uid === undefined ? '' : ` (uid ${uid})`} than the one who runs this.`,
      zh: `git 拒绝在 ${dir} 中工作: 该目录属于其他用户${uid === undefined ? '' : ` (uid ${uid})`}, 与当前运行用户不同.`,
    },
    { en: 'Run this as that user,', zh: '请改用该用户运行,' },
    { en: `or, if you trust what is in it: ${command}`, zh: `或者, 确认目录内容可信后执行: ${command}` },
  );
}

const notTheTop = (dir: string) =>
  refuse(
    { en: `${dir} is not the top of a git working tree.`, zh: `${dir} 不是 git 工作区的顶层目录.` },
    {
      en: `See where the repository begins: ${asTyped(['git', '-C', dir, 'rev-parse', '--show-toplevel'])}`,
      zh: `查看仓库的顶层目录: ${asTyped(['git', '-C', dir, 'rev-parse', '--show-toplevel'])}`,
    },
  );
