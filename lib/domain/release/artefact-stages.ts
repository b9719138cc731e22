import { createHash } from 'node:crypto';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Ops } from '../../core/ops.ts';
import { printable, type Text } from '../../core/text.ts';
import { lastChange } from '../../tools/git/commits.ts';
import { formerTreeOf, showFile } from '../../tools/git/tree.ts';
import type { Inventory } from '../app/inventory.ts';
import type { Marker } from '../app/marker.ts';
import type { Stack } from '../stack/stack.ts';
import { type Artefacts, isGits } from './artefacts.ts';
import { copiesInto, readStages } from './dockerfile.ts';
import type { RebuildReason } from './rebuild-reasons.ts';
import { describeCommit } from './source.ts';

/** A directory of the release that is built from sources which the commit has. */
export interface BuiltArtefact {
  /** Of the sources, in the repository. */
  readonly from: string;
  /** Of what is built, below the application's root. */
  readonly to: string;
  /** The sources' content, in one word. */
  readonly sources: string;
  /** The stage of the Dockerfile that is to build it. */
  readonly stage: string;
  /** Where it lies in that stage's image. `undefined`: the Dockerfile has no such stage, or does not take it from there. */
  readonly made: string | undefined;
}

/** The target's artefacts whose sources a commit has, and not themselves. */
export async function builtArtefacts(
  ops: Ops,
  { services }: Stack,
  commit: string,
  tree: Inventory,
): Promise<readonly BuiltArtefact[]> {
  const { artefacts } = ops.target.release;
  const found = artefacts.flatMap(({ from, to, stage }) => {
    if (from === undefined || stage === undefined || isGits(tree, to)) return [];
    const sources = sourcesIn(tree, from);
    return sources === undefined ? [] : [{ from, to, stage, sources }];
  });
  if (found.length === 0) return [];
  const { build } = services.app;
  const name = build && path.relative(ops.target.dir, path.resolve(build.context, build.dockerfile ?? 'Dockerfile'));
  const dockerfile = name === undefined ? undefined : await showFile(ops, commit, name);
  return found.map((artefact) => {
    const place = path.posix.join(ops.target.app.root, artefact.to);
    return {
      ...artefact,
      made: dockerfile === undefined ? undefined : outputOf(dockerfile, artefact.stage, place, build?.target),
    };
  });
}

/** Where those of them lie that a stage makes. */
export const madeOf = (artefacts: readonly BuiltArtefact[]): readonly string[] =>
  artefacts.filter(({ made }) => made).map(({ to }) => to);

/** One word for the content of a directory of a tree; `undefined` when there is none. */
function sourcesIn(tree: Inventory, from: string): string | undefined {
  const directory = from.endsWith('/') ? from : `${from}/`;
  const files = [...tree].filter(([file]) => file.startsWith(directory)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (files.length === 0) return undefined;
  const hash = createHash('sha256');
  for (const [file, { mode, blob }] of files) hash.update(`${mode} ${blob} ${file}\0`);
  return hash.digest('hex');
}

/** The same of a commit; `undefined` also when the commit is not known here. */
async function sourcesAt(ops: Ops, commit: string, from: string): Promise<string | undefined> {
  const known = await describeCommit(ops, commit);
  return known && sourcesIn(await formerTreeOf(ops, commit), from);
}

type Place = Pick<BuiltArtefact, 'from' | 'to'>;

/** What the container's artefact was built from, in one word. An image has what its own build made, and a hot release what it brought along. */
const builtFrom = async (ops: Ops, { from, to }: Place, marker: Marker): Promise<string | undefined> =>
  marker.hot ? marker.artefacts?.[to] : sourcesAt(ops, marker.commit, from);

/**
 * Whether what lies in the container was built from a commit's sources; `undefined` when it does not say from which, or the commit has none.
 *
 * @param marker the container's.
 */
export async function isBuiltFrom(
  ops: Ops,
  place: Place,
  marker: Marker,
  commit: string,
): Promise<boolean | undefined> {
  const [has, wanted] = await Promise.all([builtFrom(ops, place, marker), sourcesAt(ops, commit, place.from)]);
  return has === undefined || wanted === undefined ? undefined : has === wanted;
}

/**
 * Those that the container has from other sources than the release's, or of which nothing says from which.
 *
 * @param marker the container's.
 * @param files what lies there.
 */
export async function otherSources(
  ops: Ops,
  artefacts: readonly BuiltArtefact[],
  marker: Marker | undefined,
  files: Inventory,
): Promise<readonly BuiltArtefact[]> {
  const there = await Promise.all(
    artefacts.map(async (artefact) =>
      marker === undefined || !isGits(files, artefact.to) ? undefined : builtFrom(ops, artefact, marker),
    ),
  );
  return artefacts.filter(({ sources }, at) => there[at] !== sources);
}

/** What would run, and what does. */
interface Change {
  readonly release: { readonly commit: string; readonly built: readonly BuiltArtefact[]; readonly here: Artefacts };
  /** `commit`: as far as it is known. */
  readonly running: { readonly commit: string | undefined; readonly files: Inventory };
}

/**
 * Why no hot release can bring what is built from changed sources: no stage of the Dockerfile makes it, and what lies in the deploy
 * directory, if anything, was not built from them. A directory does not say from what it was built, but from what it can't have been.
 */
export async function unbuiltReasons(ops: Ops, { release, running }: Change): Promise<readonly RebuildReason[]> {
  const { commit, built, here } = release;
  const reasons = built.map(async (artefact): Promise<RebuildReason[]> => {
    const { from, to, made, sources } = artefact;
    if (made) return [];
    const before = running.commit === undefined ? undefined : await sourcesAt(ops, running.commit, from);
    const lies = here.directories.some(({ path }) => path === to);
    if (!lies) return before === sources ? [] : [unmade(artefact)];
    const same = isDeepStrictEqual(below(here.files, to), below(running.files, to));
    if (same && before === sources) return [];
    const older = (await staleArtefacts(ops, commit, [artefact], here))[0];
    if (older) return [older];
    return same && before !== undefined ? [notAnew(artefact)] : [];
  });
  return (await Promise.all(reasons)).flat();
}

/** Whoever builds before committing, on a machine whose clock is another, has built these sources all the same. */
const MARGIN_MS = 24 * 3_600_000;

/** Those that lie here since long before their sources last changed on the way to a commit: they were not built from these. */
export async function staleArtefacts(
  ops: Ops,
  commit: string,
  built: readonly BuiltArtefact[],
  { directories }: Artefacts,
): Promise<readonly Required<RebuildReason>[]> {
  const reasons = built.map(async (artefact) => {
    const here = directories.find(({ path }) => path === artefact.to);
    if (here === undefined || artefact.made) return [];
    const changed = await lastChange(ops, commit, artefact.from);
    return here.written < changed - MARGIN_MS ? [stale(artefact, here.written, changed)] : [];
  });
  return (await Promise.all(reasons)).flat();
}

const below = (files: Inventory, directory: string): Record<string, unknown> =>
  Object.fromEntries(
    [...files]
      .filter(([file]) => file.startsWith(`${directory}/`))
      .map(([file, { mode, blob }]) => [file, { mode, blob }]),
  );

const unmade = ({ from, to, stage }: BuiltArtefact): RebuildReason => ({
  path: from,
  why: {
    en: `changed; ${to} is built from it, and the Dockerfile has no stage ${stage} that makes it`,
    zh: `已变更; ${to} 由其构建, 而 Dockerfile 中没有生成它的构建阶段 ${stage}`,
  },
});

function stale({ from, to }: BuiltArtefact, written: number, changed: number): Required<RebuildReason> {
  const [then, since] = [written, changed].map((ms) => `${new Date(ms).toISOString().slice(0, 16)}Z`);
  return {
    path: to,
    why: {
      en: `as it lies in the deploy directory it was built on ${then}, and ${from} changed on ${since}`,
      zh: `部署目录中的内容生成于 ${then}, 而 ${from} 在 ${since} 有变更`,
    },
    fix: anew(from, to),
  };
}

const notAnew = ({ from, to }: BuiltArtefact): RebuildReason => ({
  path: to,
  why: {
    en: `as it lies in the deploy directory it is what runs already, although ${from} is another: it was not built from this release`,
    zh: `部署目录中的内容与正在运行的完全相同, 但 ${from} 已不同: 它并非由本版本构建`,
  },
  fix: anew(from, to),
});

const anew = (from: string, to: string): Text => ({
  en: `Build ${to} from the release's ${from} (for example: npm --prefix ${from} run build), or remove it and let a stage of the Dockerfile make it; then run again.`,
  zh: `请用该版本的 ${from} 重新生成 ${to} (例如: npm --prefix ${from} run build), 或将其删除并由 Dockerfile 的构建阶段生成, 然后重新运行.`,
});

/** What a plan says of directories that nothing says of from what they were built. */
export const takenAsTheyLie = ({ directories }: Artefacts): Text[] =>
  directories.map(({ path, written }) => {
    const then = `${new Date(written).toISOString().slice(0, 16)}Z`;
    return {
      en: `${printable(path)} is taken as it lies in the deploy directory, built on ${then}: nothing says from which commit.`,
      zh: `${printable(path)} 按部署目录中的现有内容发布 (生成于 ${then}), 无法确认由哪个提交构建.`,
    };
  });

/** What a hot release's marker says of them. */
export const sourcesOf = (artefacts: readonly BuiltArtefact[]): Record<string, string> =>
  Object.fromEntries(artefacts.filter(({ made }) => made).map(({ to, sources }) => [to, sources]));

/**
 * Where in a stage's image that lies which the final image copies from it to a place.
 *
 * @param place absolute.
 * @param target the stage that is the image; the last one, unless it is told.
 * @returns absolute; `undefined` when there is no such stage, or nothing is copied from it to there.
 */
export function outputOf(dockerfile: string, stage: string, place: string, target?: string): string | undefined {
  const stages = readStages(dockerfile, target);
  const at = stages.findIndex(({ name }) => name === stage.toLowerCase());
  if (at === -1) return undefined;
  let output: string | undefined;
  for (const { stage: from, sources, to } of copiesInto(stages)) {
    const [source, ...more] = sources;
    if (from === undefined || (from !== stage.toLowerCase() && from !== String(at))) continue;
    if (source === undefined || more.length > 0) continue;
    const inside = path.posix.relative(to, place);
    if (inside !== '..' && !inside.startsWith('../')) output = path.posix.join('/', source, inside);
  }
  return output;
}
