import { matchesGlob } from '../../core/globs.ts';
import type { TargetConfig } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { changedDependencies } from './pyproject.ts';

/** Why copying files into the running container would not give what a new image gives. */
export interface RebuildReason {
  /** Foreign text. */
  readonly path: string;
  readonly why: Text;
  /** What mends it; default: a full rebuild. */
  readonly fix?: Text;
}

/** Content of pyproject.toml; `undefined` where there is none. */
export interface Pyproject {
  readonly before: string | undefined;
  readonly after: string | undefined;
}

type BuildConfig = Pick<TargetConfig, 'rebuildWhenChanged' | 'dockerfile'>;

/** What can't be told from the paths of files alone. */
export interface BuildInput {
  readonly pyproject: Pyproject;
  /** More files that the build reads: see `requirementsRead`. */
  readonly reads: ReadonlySet<string>;
}

/**
 * Whether a hot update is unsuitable: what has changed of the files that only a build reads.
 *
 * @param before,after git's blob ids by path; other files may be among them.
 * @returns by path; none when a hot update will do.
 */
export function rebuildReasons(
  target: BuildConfig,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  { pyproject, reads }: BuildInput,
): readonly RebuildReason[] {
  const globs = target.rebuildWhenChanged;
  const named = new Set([target.dockerfile, ...reads]);
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  const reasons = paths
    .filter((path) => before.get(path) !== after.get(path))
    .filter((path) => named.has(path) || globs.some((glob) => matchesGlob(glob, path)))
    .map((path) => ({ path, why: difference(before.has(path), after.has(path)) }));
  const dependencies = changedDependencies(pyproject.before, pyproject.after);
  return dependencies === undefined ? reasons : [...reasons, { path: 'pyproject.toml', why: dependencies }];
}

function difference(was: boolean, is: boolean): Text {
  if (was && is) return { en: 'changed; only a build reads it', zh: '已变更, 仅在构建镜像时生效' };
  return is
    ? { en: 'is new; only a build reads it', zh: '新增文件, 仅在构建镜像时生效' }
    : { en: 'is gone; only a build reads it', zh: '已删除, 仅在构建镜像时生效' };
}
