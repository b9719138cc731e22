import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { OpsError, whatHappened } from '../../core/errors.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { ask, change, read, run } from '../../core/run.ts';
import { copyOut } from '../../tools/docker/container-files.ts';
import { discardContainer, discardImage, labelsOf, ownerLabels } from '../../tools/docker/helpers.ts';
import type { BuiltArtefact } from '../release/artefact-stages.ts';
import { type Artefacts, artefactsIn, isGits } from '../release/artefacts.ts';
import type { Stack } from '../stack/stack.ts';
import { buildImage } from './build.ts';

/**
 * Builds the stages of a commit's Dockerfile that make its artefacts, while whatever runs goes on serving, and takes what they made to a
 * directory of the run. Neither production's image nor its container notices.
 *
 * @param artefacts each with a stage.
 * @throws {OpsError} `failed` when a stage can't be built, or did not make what the Dockerfile copies from it.
 */
export async function buildArtefacts(
  ops: Ops,
  stack: Stack,
  commit: string,
  artefacts: readonly BuiltArtefact[],
): Promise<Artefacts> {
  const base = artefactsBase(ops);
  rmSync(base, { recursive: true, force: true });
  for (const artefact of artefacts) {
    const to = path.join(base, artefact.to);
    mkdirSync(to, { recursive: true, mode: 0o755 });
    await buildStage(ops, stack, commit, artefact).then((archive) => unpack(ops, archive, to));
  }
  const directories = artefacts.map(({ to }) => to);
  const built = artefactsIn(base, directories);
  const empty = artefacts.find(({ to }) => !isGits(built.files, to));
  if (empty) throw notMade(empty);
  return built;
}

/** Removes what they made from this machine; it is in the container, or not needed. */
export const forgetArtefacts = (ops: Pick<Ops, 'paths'>): void =>
  rmSync(artefactsBase(ops), { recursive: true, force: true });

const artefactsBase = ({ paths }: Pick<Ops, 'paths'>) => path.join(paths.run, 'artefacts');

/** @returns a tar file of the directory that the stage made, under that directory's own name. */
async function buildStage(ops: Ops, stack: Stack, commit: string, artefact: BuiltArtefact): Promise<string> {
  const { made, stage } = artefact;
  if (made === undefined) throw new Error(`no stage makes ${artefact.to}`);
  const project = `${stack.project}-artefact`;
  const image = `${project}/${runName(ops).toLowerCase()}:${stage.toLowerCase()}`;
  const archive = path.join(ops.paths.run, 'artefact.tar');
  try {
    const id = await buildImage(ops, stack, commit, { project, image, labels: labelsOf(ops), stage });
    // It is never started; the command is only for images that name none.
    const create = change(['docker', 'create', '--network', 'none', ...ownerLabels(ops), id, 'true']);
    const container = await ask(ops, create);
    try {
      if (!(await copyOut(ops, container, made, archive))) throw notMade(artefact);
    } finally {
      await discardContainer(ops, container);
    }
    return archive;
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind === 'interrupted') throw error;
    const why = whatHappened(error);
    throw new OpsError({
      kind: 'failed',
      what: {
        en: `${artefact.to} can't be built from ${artefact.from} (stage ${stage}): ${why.en}`,
        zh: `无法由 ${artefact.from} 构建 ${artefact.to} (构建阶段 ${stage}): ${why.zh}`,
      },
      next: error.next,
      cause: error,
    });
  } finally {
    await discardImage(ops, image);
  }
}

async function unpack(ops: Ops, archive: string, to: string): Promise<void> {
  await run(ops, read(['tar', '-x', '-f', archive, '-C', to, '--strip-components=1', '--no-same-owner']));
  rmSync(archive);
}

const notMade = ({ to, stage, made }: BuiltArtefact) =>
  failed({
    en: `Stage ${stage} of the Dockerfile left nothing in ${made}, which is to become ${to}.`,
    zh: `Dockerfile 的构建阶段 ${stage} 没有在 ${made} 生成内容, 该目录应成为 ${to}.`,
  });
