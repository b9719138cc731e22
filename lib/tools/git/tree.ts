import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { onceInRun, run } from '../../core/run.ts';
import { git } from './git.ts';
import { decodePath, listed, notUtf8 } from './paths.ts';

export interface TreeEntry {
  /** A file, an executable file, or a symbolic link (whose target is the blob). */
  readonly mode: '100644' | '100755' | '120000';
  /** git's id of the content: sha1 of `blob <length>\0<content>`. */
  readonly blob: string;
}

const SUBMODULE = '160000';

/**
 * All files of a commit by path.
 *
 * @param commit a full id.
 * @throws {OpsError} `precondition` for submodules, whose content is in another repository, and for names that are not UTF-8.
 */
export async function treeOf(ops: Ops, commit: string): Promise<ReadonlyMap<string, TreeEntry>> {
  const { tree, submodules, unreadable } = await listTree(ops, commit);
  if (unreadable.length > 0) throw notUtf8(unreadable);
  if (submodules.length > 0) throw hasSubmodules(submodules);
  return tree;
}

/** The same of one that is released already: what can't be released is left out, so that a release which has it no more can follow. */
export const formerTreeOf = async (ops: Ops, commit: string): Promise<ReadonlyMap<string, TreeEntry>> =>
  (await listTree(ops, commit)).tree;

/** What an id names never changes. */
const listTree = (ops: Ops, commit: string) => onceInRun(ops, `git tree ${commit}`, () => readTree(ops, commit));

async function readTree(ops: Ops, commit: string) {
  const list = git(ops.target.dir, ['ls-tree', '-r', '-z', '--full-tree', commit], { decodeAs: 'latin1' });
  const { stdout } = await run(ops, list);
  const tree = new Map<string, TreeEntry>();
  const submodules: string[] = [];
  const unreadable: string[] = [];
  for (const line of stdout.split('\0').slice(0, -1)) {
    const tab = line.indexOf('\t');
    const [mode = '', , blob = ''] = line.slice(0, tab).split(' ');
    const bytes = line.slice(tab + 1);
    const path = decodePath(bytes);
    if (path === undefined) unreadable.push(bytes);
    else if (mode === SUBMODULE) submodules.push(path);
    else tree.set(path, { mode: mode as TreeEntry['mode'], blob }); // git prints no other file modes, whatever a tree holds
  }
  return { tree, submodules, unreadable };
}

/** Content of a text file in a commit; `undefined` when there is no regular file of this name. @param commit a full id. */
export async function showFile(ops: Ops, commit: string, path: string): Promise<string | undefined> {
  const { mode, blob } = (await listTree(ops, commit)).tree.get(path) ?? {};
  if (blob === undefined || mode === '120000') return undefined;
  return onceInRun(ops, `git blob ${blob}`, () => run(ops, git(ops.target.dir, ['cat-file', 'blob', blob]))).then(
    ({ stdout }) => stdout,
  );
}

const hasSubmodules = (paths: readonly string[]) =>
  refuse(
    {
      en: `The commit has submodules, whose files are not in it: ${listed(paths)}`,
      zh: `该提交包含子模块, 子模块的文件不在此提交中: ${listed(paths)}`,
    },
    {
      en: 'A release is what one commit has. Put their files into the repository itself, or into a package that the image installs.',
      zh: '发布内容以单个提交为准. 请将其文件直接纳入仓库, 或做成由镜像安装的软件包.',
    },
  );
