import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { misconfigured, refuse, throwIfAny } from '../../core/refusal.ts';
import { printable, type Text } from '../../core/text.ts';
import { filesWith } from '../../tools/git/commits.ts';
import { listed } from '../../tools/git/paths.ts';
import { showFile, treeOf } from '../../tools/git/tree.ts';
import type { BuildSection, Stack } from '../stack/stack.ts';
import { builtArtefacts, madeOf, staleArtefacts } from './artefact-stages.ts';
import { findArtefacts } from './artefacts.ts';

/** First line of what git has in the place of a file of git-lfs. */
const POINTER = 'version https://git-lfs.github.com/spec/v1';
const WHOLE_POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:[^\n]*\n)*oid sha256:[0-9a-f]{64}\nsize \d+\n$/;

/**
 * Whether an image can be built from what git has at a commit, and artefacts that lie here.
 *
 * @throws {OpsError} `precondition` for submodules and files of git-lfs, whose content is elsewhere, and for artefacts that were built
 *   before their sources last changed; `config` for a build that reads
 *   from elsewhere than the deploy directory.
 */
export async function refuseUnbuildable(ops: Ops, stack: Stack, commit: string): Promise<void> {
  const { build } = stack.services.app;
  if (build) movedTo(ops.target.dir, build, ops.target.dir);
  const tree = await treeOf(ops, commit);
  await refusePointers(ops, commit);
  const built = await builtArtefacts(ops, stack, commit, tree);
  const stale = await staleArtefacts(ops, commit, built, findArtefacts(ops, tree, madeOf(built)));
  throwIfAny(
    stale.map(({ path, why, fix }) => ({
      text: { en: `${printable(path)}: ${why.en}`, zh: `${printable(path)}: ${why.zh}` },
      fix,
    })),
  );
}

/**
 * Whether git has the files of a commit themselves: whoever releases from git alone would release the pointers.
 *
 * @throws {OpsError} `precondition`
 */
export async function refusePointers(ops: Ops, commit: string): Promise<void> {
  const files = await filesWith(ops, commit, POINTER);
  const pointers: string[] = [];
  for (const file of files) if (WHOLE_POINTER.test((await showFile(ops, commit, file)) ?? '')) pointers.push(file);
  if (pointers.length > 0) throw hasPointers(pointers);
}

/**
 * The same build, with its contexts below another directory than the deploy directory's.
 *
 * @throws {OpsError} `config` when a context or Dockerfile is an address or outside of the deploy directory: then what is built would
 *   not be the commit.
 */
export function movedTo(directory: string, { context, dockerfile, others }: BuildSection, dir: string): BuildSection {
  const moved = (place: string): string => {
    const inside = path.relative(dir, place);
    if (!path.isAbsolute(place) || inside === '..' || inside.startsWith('../')) throw builtFromElsewhere(place);
    return path.join(directory, inside);
  };
  return {
    context: moved(context),
    dockerfile: dockerfile !== undefined && path.isAbsolute(dockerfile) ? moved(dockerfile) : dockerfile,
    // An image, or what another service builds, is no file of anybody.
    others: Object.fromEntries(
      Object.entries(others).map(([name, place]) => [
        name,
        /^(docker-image|service):/.test(place) ? place : moved(place),
      ]),
    ),
  };
}

const builtFromElsewhere = (place: string) =>
  misconfigured(
    {
      en: `The compose file builds the application from ${printable(place)}, which is not in the deploy directory.`,
      zh: `compose 文件从 ${printable(place)} 构建应用, 该位置不在部署目录内.`,
    },
    {
      en: 'What is built is what git has at the commit: let build.context be a directory of the repository.',
      zh: '构建内容以 git 提交为准: 请将 build.context 设为仓库内的目录.',
    },
  );

const hasPointers = (files: readonly string[]) =>
  refuse(
    {
      en: `git has only pointers (git-lfs) in the place of: ${listed(files)}`,
      zh: `以下文件在 git 中只有 git-lfs 指针: ${listed(files)}`,
    },
    LFS,
  );

const LFS: Text = {
  en: 'The release would have the pointers in their place. Commit the files themselves (git lfs migrate export), or let the build fetch them.',
  zh: '发布的会是指针而非文件内容. 请直接提交文件本身 (git lfs migrate export), 或在构建时下载.',
};
