import type { Ops } from '../../core/ops.ts';
import { printable, type Text } from '../../core/text.ts';
import { formerTreeOf } from '../../tools/git/tree.ts';
import { type Inventory, isContentOf, isKept, type Surroundings } from '../app/inventory.ts';
import { readReleases } from '../ledger/releases.ts';
import type { RunningCode } from '../stack/deployment.ts';
import { copiedOver } from './copies.ts';
import { describeCommit } from './source.ts';

interface Candidate {
  readonly commit: string;
  readonly tree: Inventory;
}

/**
 * Compares the files with the commits that may run: the one that the container says, those that its image was released as, the rest of the
 * ledger, what is checked out. A container that was made anew from its image has neither the mark nor the files of a hot update.
 *
 * @param files everything below the application's root.
 */
export async function identifyRunning(
  ops: Ops,
  { files, marker }: Pick<Surroundings, 'files' | 'marker'>,
  imageId: string,
  checkedOut: string,
): Promise<RunningCode> {
  const releases = readReleases(ops.paths).reverse();
  const ofImage = releases.filter((r) => r.imageId === imageId);
  const commits = [marker?.commit, ...[...ofImage, ...releases].map((r) => r.commit), checkedOut];
  const known = [...new Set(commits.filter((c): c is string => c !== undefined && c !== ''))];
  const candidates = await Promise.all(
    known.map(async (commit): Promise<Candidate[]> => {
      if ((await describeCommit(ops, commit)) === undefined) return [];
      const all = await formerTreeOf(ops, commit);
      const over = copiedOver({ target: ops.target, tree: all, files });
      return [{ commit, tree: new Map([...all].filter(([file]) => !isKept(ops.target, file) && !over.has(file))) }];
    }),
  );
  return { ...judge(files, candidates.flat(), marker?.commit), marked: marker?.commit };
}

/**
 * Which of the candidates it is. Files that no candidate has don't count, nor alone that one is missing: an image need not have all of a
 * repository. Pure.
 *
 * @param candidates likeliest first.
 */
export function judge(
  files: Inventory,
  candidates: readonly Candidate[],
  marked: string | undefined,
): Pick<RunningCode, 'commit' | 'nearest'> {
  const known = new Set(candidates.flatMap(({ tree }) => [...tree.keys()]));
  const there = [...files].filter(([path]) => known.has(path));
  const compared = candidates.map(({ commit, tree }) => {
    const differs = there.filter(([path, file]) => !isContentOf(file, tree.get(path))).length;
    const missing = [...tree.keys()].filter((path) => !files.has(path)).length;
    return { commit, differs, distance: differs + missing };
  });
  const [best] = compared.toSorted((a, b) => a.distance - b.distance);
  // Of a mark whose commit is not in the repository nothing can be said against it.
  if (best === undefined || (marked !== undefined && !candidates.some((c) => c.commit === marked)))
    return { commit: marked, nearest: undefined };
  const { commit, differs } = best;
  return { commit: differs === 0 ? commit : undefined, nearest: { commit, differs } };
}

const short = (commit: string) => printable(commit.slice(0, 10));

/** What runs, in a few words. */
export function runningText({ commit, nearest }: RunningCode): Text {
  if (commit !== undefined) return { en: `commit ${short(commit)}`, zh: `提交 ${short(commit)}` };
  if (nearest === undefined) return { en: 'commit ?', zh: '提交 ?' };
  const { commit: near, differs } = nearest;
  return {
    en: `no known commit: ${differs} files differ from ${short(near)}`,
    zh: `未知提交: 与 ${short(near)} 相差 ${differs} 个文件`,
  };
}

/** That something else runs than was released last. */
export function runningWarnings(running: RunningCode | undefined, released: string | undefined): Text[] {
  if (running === undefined || released === undefined || running.commit === released) return [];
  if (running.commit === undefined && running.nearest === undefined) return [];
  const is = runningText(running);
  return [
    {
      en: `Released last was ${short(released)}, and that is not what runs: ${is.en}. Was the container made anew, or changed by hand?`,
      zh: `最后发布的是 ${short(released)}, 但实际运行的并非它: ${is.zh}. 容器是否被重建或手工改动过?`,
    },
  ];
}
