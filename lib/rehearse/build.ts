import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { imageId } from '../app/image.ts';
import { OpsError, whatHappened } from '../errors.ts';
import { change } from '../host/command.ts';
import { labelsOf } from '../host/helpers.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';
import { archiveCommit } from '../release/archive.ts';
import { archiveArtefacts, findArtefacts } from '../release/artefacts.ts';
import { treeOf } from '../release/tree.ts';
import type { Code, Facts } from './facts.ts';
import { namesOf } from './names.ts';

const BUILD_MS = 7_200_000;

/**
 * The image to boot: one that is there, or built from the commit as compose would build it, under a name and labels of the drill.
 * Production's own tag does not move.
 *
 * @returns its id.
 */
export async function imageFor(ops: Ops, facts: Facts): Promise<string> {
  const { code } = facts;
  return code.kind === 'image' ? code.imageId : buildCommit(ops, facts, code);
}

async function buildCommit(ops: Ops, facts: Facts, { commit }: Extract<Code, { kind: 'build' }>): Promise<string> {
  const { image } = namesOf(ops, facts.stack.project);
  const scratch = mkdtempSync(path.join(ops.paths.run, 'build-'));
  try {
    const context = path.join(scratch, 'context');
    await unpackRelease(ops, commit, scratch, context);
    // Compose wants it to be there; its values come from production's, by --env-file, and none of them gets into the image.
    writeFileSync(path.join(context, '.env'), '');
    const overrides = path.join(scratch, 'drill.yml');
    const { key } = facts.stack.services.app;
    writeFileSync(overrides, JSON.stringify({ services: { [key]: { image, build: { labels: labelsOf(ops) } } } }));
    const files = ['-f', path.join(context, ops.target.composeFile), '-f', overrides];
    const where = ['--project-directory', context, '--env-file', path.join(ops.target.dir, '.env')];
    const words = ['docker', 'compose', '-p', namesOf(ops, facts.stack.project).network, ...files, ...where];
    // An image that is half built is no image, so the build may be interrupted.
    await run(ops, change([...words, 'build', '--quiet', key], { deadlineMs: BUILD_MS, interruptible: true }));
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind === 'interrupted') throw error;
    const why = whatHappened(error);
    throw new OpsError({
      kind: 'failed',
      what: {
        en: `Commit ${commit.slice(0, 10)} can't be built: ${why.en}`,
        zh: `提交 ${commit.slice(0, 10)} 构建失败: ${why.zh}`,
      },
      cause: error,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const id = await imageId(ops, image);
  if (id === undefined) throw new Error(`the build left no image ${image}`);
  return id;
}

/** Exactly the commit's files, and what a build in the deploy directory made and git does not have. */
async function unpackRelease(ops: Ops, commit: string, scratch: string, context: string): Promise<void> {
  mkdirSync(context);
  const [release, artefacts] = [path.join(scratch, 'release.tar'), path.join(scratch, 'artefacts.tar')];
  await archiveCommit(ops, commit, release);
  const found = findArtefacts(ops, await treeOf(ops, commit));
  const archives = [release];
  if (found.directories.length > 0) {
    await archiveArtefacts(ops, found, artefacts);
    archives.push(artefacts);
  }
  for (const archive of archives)
    await run(ops, change(['tar', '-x', '-f', archive, '-C', context], { deadlineMs: 300_000 }));
}
