import { OpsError, unlessInterrupted, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { buildImage } from '../../domain/images/build.ts';
import { labelsOf } from '../../tools/docker/helpers.ts';
import { namesOf } from './containers.ts';
import type { Code, Facts } from './facts.ts';

/**
 * The image to boot: one that is there, or built from the commit as a rebuild would build it, under a name and labels of the drill.
 * Production's own tag does not move.
 *
 * @returns its id.
 */
export async function imageFor(ops: Ops, facts: Facts): Promise<string> {
  const { code } = facts;
  return code.kind === 'image' ? code.imageId : buildCommit(ops, facts, code);
}

async function buildCommit(ops: Ops, facts: Facts, { commit }: Extract<Code, { kind: 'build' }>): Promise<string> {
  const { image, network: project } = namesOf(ops, facts.stack.project);
  const building = buildImage(ops, facts.stack, commit, { image, project, labels: labelsOf(ops) });
  return building.catch(
    unlessInterrupted((error) => {
      const why = whatHappened(error);
      throw new OpsError({
        kind: 'failed',
        what: {
          en: `Commit ${commit.slice(0, 10)} can't be built: ${why.en}`,
          zh: `提交 ${commit.slice(0, 10)} 构建失败: ${why.zh}`,
        },
        cause: error,
      });
    }),
  );
}
