import { createHash } from 'node:crypto';
import path from 'node:path';
import { type Copy, DockerfileParser, type From, type Instruction } from 'dockerfile-ast';
import type { Ops } from '../../core/ops.ts';
import { showFile, treeOf } from '../../tools/git/tree.ts';
import type { Inventory } from '../app/inventory.ts';
import type { Marker } from '../app/marker.ts';
import type { Stack } from '../stack/stack.ts';
import { type Artefacts, isGits } from './artefacts.ts';
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
  return known && sourcesIn(await treeOf(ops, commit), from);
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

/**
 * Why only a new image can bring what is built from changed sources: no stage of the Dockerfile makes it, and nobody built it here.
 *
 * @param others as {@link otherSources} tells. `running`: the commit that runs, as far as it is known.
 */
export async function unbuiltReasons(
  ops: Ops,
  others: readonly BuiltArtefact[],
  { directories }: Artefacts,
  running: string | undefined,
): Promise<readonly RebuildReason[]> {
  const unmade = others.filter(({ to, made }) => !made && !directories.some(({ path }) => path === to));
  const before = await Promise.all(
    unmade.map(({ from }) => (running === undefined ? undefined : sourcesAt(ops, running, from))),
  );
  const changed = unmade.filter(({ sources }, at) => before[at] !== sources);
  return changed.map(({ from, to, stage }) => ({
    path: from,
    why: {
      en: `changed; ${to} is built from it, and the Dockerfile has no stage ${stage} that makes it`,
      zh: `已变更; ${to} 由其构建, 而 Dockerfile 中没有生成它的构建阶段 ${stage}`,
    },
  }));
}

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
  const stages = upTo(stagesOf(dockerfile), target);
  const at = stages.findIndex(({ name }) => name === stage.toLowerCase());
  if (at === -1) return undefined;
  let workdir = '/';
  let output: string | undefined;
  for (const instruction of finalInstructions(stages)) {
    const keyword = instruction.getKeyword();
    if (keyword === 'WORKDIR') workdir = path.posix.resolve(workdir, instruction.getArgumentsContent() ?? '');
    if (keyword !== 'COPY') continue;
    const copy = instruction as Copy;
    const flag = copy.getFlags().find((f) => f.getName() === 'from');
    const from = flag?.getValue()?.toLowerCase();
    const [source, destination, ...more] = wordsOf(copy);
    if (from === undefined || (from !== stage.toLowerCase() && from !== String(at))) continue;
    if (source === undefined || destination === undefined || more.length > 0) continue;
    const inside = path.posix.relative(path.posix.resolve(workdir, destination), place);
    if (inside !== '..' && !inside.startsWith('../')) output = path.posix.join('/', source, inside);
  }
  return output;
}

/** The engine takes a name or a number; of a name that comes twice, the last. */
function upTo(stages: readonly Stage[], target: string | undefined): readonly Stage[] {
  if (target === undefined) return stages;
  const named = stages.findLastIndex(({ name }) => name === target.toLowerCase());
  const at = named === -1 && /^\d+$/.test(target) ? Number(target) : named;
  return stages.slice(0, at + 1);
}

/** Without the quotes of a JSON list. */
function wordsOf(copy: Copy): readonly string[] {
  const strings = copy.getJSONStrings();
  return strings.length > 0
    ? strings.map((word) => word.getJSONValue())
    : copy.getArguments().map((word) => word.getValue());
}

interface Stage {
  readonly name: string | undefined;
  readonly image: string | undefined;
  readonly instructions: Instruction[];
}

function stagesOf(dockerfile: string): readonly Stage[] {
  const stages: Stage[] = [];
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const from = instruction as From;
      const [name, image] = [from.getBuildStage(), from.getImage()].map((word) => word?.toLowerCase());
      stages.push({ name, image, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

/** Those that make the last stage, of the stages that it is built upon too. */
function finalInstructions(stages: readonly Stage[]): readonly Instruction[] {
  const last = stages.at(-1);
  if (last === undefined) return [];
  const before = stages.slice(0, -1);
  const base = before.findLastIndex(({ name }) => name !== undefined && name === last.image);
  return [...(base === -1 ? [] : finalInstructions(before.slice(0, base + 1))), ...last.instructions];
}
