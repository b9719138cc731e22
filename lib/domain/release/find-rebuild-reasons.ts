import type { Ops } from '../../core/ops.ts';
import { showFile } from '../../tools/git/tree.ts';
import { isRequirements, requirementsRead } from './build-reads.ts';
import { composeReasons } from './compose-changes.ts';
import { elsewhereReasons } from './copied-elsewhere.ts';
import { type RebuildReason, rebuildReasons } from './rebuild-reasons.ts';

const PYPROJECT = 'pyproject.toml';

type Blobs = ReadonlyMap<string, string>;

/** What is compared: git's blob ids by path, and the commits. */
export interface Compared {
  readonly before: Blobs;
  readonly after: Blobs;
  /** `before`: the one that runs, if it is known. */
  readonly commits: { readonly before: string | undefined; readonly after: string };
  /** What git has of the commit that runs, if it is known: what else lies there nobody removes. */
  readonly former: Blobs | undefined;
  /** The stage of the Dockerfile that is the image; `undefined`: the last one. */
  readonly buildTarget: string | undefined;
  /** Content of pyproject.toml as it is before, asked for only when another one follows. */
  readonly pyproject: () => Promise<string | undefined>;
}

/** Why a commit can't be had by copying its files into the container that runs another one. */
export async function findRebuildReasons(ops: Ops, compared: Compared): Promise<readonly RebuildReason[]> {
  const { before, after, commits } = compared;
  const textOf = (file: string) => showFile(ops, commits.after, file);
  const isSame = (file: string) => before.get(file) === after.get(file);
  const pyproject = isSame(PYPROJECT)
    ? { before: undefined, after: undefined }
    : { before: await compared.pyproject(), after: await textOf(PYPROJECT) };
  const files = [...after.keys()];
  const read = files.some((file) => isRequirements(file) && !isSame(file));
  const reads = read ? await requirementsRead(files, ops.target.dockerfile, textOf) : new Set<string>();
  const reasons = rebuildReasons(ops.target, before, after, { pyproject, reads });
  const said = new Set([PYPROJECT, ...reasons.map(({ path }) => path)]);
  const changed = [...after.keys(), ...[...(compared.former?.keys() ?? [])].filter((file) => !after.has(file))]
    .filter((file) => !isSame(file) && !said.has(file))
    .sort();
  const dockerfile = changed.length > 0 ? await textOf(ops.target.dockerfile) : undefined;
  return [
    ...reasons,
    ...elsewhereReasons(ops.target, changed, dockerfile ?? '', compared.buildTarget),
    ...(await composeReasons(ops, commits.before, commits.after)),
  ];
}
