import { asTyped, type Command } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import { buildImage } from '../../domain/images/build.ts';
import { fetchStoreImages, keepPreviousImage, restoreImage } from '../../domain/images/previous.ts';
import { repositoryOf } from '../../domain/images/running.ts';
import { keptRevision, requireKnownRevision } from '../../domain/replacement/known-revision.ts';
import { removeOneOff, type TriedImage, trialEvidence, tryImage } from '../../domain/replacement/try-start.ts';
import { build, pull, runDetached } from '../../tools/docker/compose.ts';
import type { Rebuild } from './rebuild.ts';
import { lookAgain } from './survey-again.ts';

/** Tells the id of the image. */
export function buildStep(rebuild: Rebuild): Step<string> {
  const { target, facts } = rebuild;
  const { app } = facts.stack.services;
  const repository = repositoryOf(app.image);
  const { commit } = facts.checkout;
  return {
    id: 'build',
    title: { en: 'Build the new image; what runs goes on serving', zh: '构建新镜像 (期间现有服务继续运行)' },
    risk: 'none',
    commands: [
      {
        en: typed(target, pull(target, ['<missing images only>'])),
        zh: typed(target, pull(target, ['<仅缺失的镜像>'])),
      },
      {
        en: `docker tag <image of ${app.key}> <${repository}:before-…>`,
        zh: `docker tag <${app.key} 当前镜像> <${repository}:before-…>`,
      },
      `git archive ${commit.slice(0, 10)} | tar -x -C <context>`,
      typed(target, build(target, app.key, [], { override: '<context>' })),
    ],
    wayBack: { en: `${app.image} is pointed back at the present image`, zh: `${app.image} 重新指向当前镜像` },
    async run(ops) {
      await fetchStoreImages(ops, facts);
      await lookAgain(ops, facts, rebuild.plan);
      rebuild.previous = await keepPreviousImage(ops, facts);
      return buildImage(ops, facts.stack, commit);
    },
    undo: (ops) => restoreImage(ops, facts, rebuild.previous),
  };
}

/** An image that cannot even create the application must never replace one that serves. */
export function tryStep({ target, facts, plan }: Rebuild): Step<TriedImage> {
  const { app } = facts.stack.services;
  const trial = typed(
    target,
    runDetached(target, app.key, { name: '<trial>', mounts: ['<trial of all programs>:<supervisord>'], text: '' }),
  );
  const trialZh = typed(
    target,
    runDetached(target, app.key, { name: '<trial>', mounts: ['<各程序的试运行>:<supervisord>'], text: '' }),
  );
  return {
    id: 'try',
    title: {
      en: 'Try the new image: create the application, and start everything in it except what would serve',
      zh: '试运行新镜像: 创建应用, 并试运行启动过程 (不提供服务)',
    },
    risk: 'none',
    commands: [
      typed(target, runDetached(target, app.key, { name: '<one-off>', argv: ['sleep', '86400'], text: '' })),
      'docker exec <one-off> flask db heads',
      `docker cp <file> <one-off>:${target.app.root}`,
      {
        en: `${trial}  # entrypoint, nginx -t, gunicorn --check-config`,
        zh: `${trialZh}  # 入口脚本, nginx -t, gunicorn --check-config`,
      },
    ],
    seconds: 10,
    async run(ops) {
      const tried = await tryImage(ops, facts, keptRevision(facts));
      if (plan.deletes.length === 0) await requireKnownRevision(ops, facts, tried);
      return tried;
    },
    evidence: trialEvidence,
    undo: (ops) => removeOneOff(ops, facts),
  };
}

/** As typed in the deploy directory, whose name would otherwise fill the screen. */
const typed = (target: Target, { argv }: Command): string =>
  asTyped(argv)
    .replaceAll(` --project-directory ${asTyped([target.dir])}`, '')
    .replaceAll(asTyped([`${target.dir}/${target.composeFile}`]), target.composeFile);
