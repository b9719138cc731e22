#!/usr/bin/env -S npx tsx
/**
 * Hot update: new code in the running container, without losing a request. Replaces update-prod-flask.sh;
 * docs/from-the-shell-scripts.md has which step became which. Nothing in /app changes before the release has been loaded,
 * migrated for, booted and found healthy beside what serves; a failure after that puts the former files back in the same
 * gentle way.
 */
import * as update from '../lib/flows/update/index.ts';
import { carryOut, ONLY_PLANNED, program, type Script, STACK_FLAGS } from '../lib/index.ts';

export const updateProdFlask: Script = {
  name: 'update-prod-flask',
  about: {
    en: 'Hot update: brings a commit into the running container without losing a request, or leaves everything as it was.',
    zh: '热更新: 将指定提交更新到运行中的容器, 不丢失请求; 失败则恢复原状.',
  },
  flags: {
    ...STACK_FLAGS,
    ref: {
      type: 'string',
      value: 'REF',
      help: { en: 'what to release: remote/branch, tag or commit', zh: '要发布的版本: 远端/分支、标签或提交' },
    },
    restart: {
      type: 'string',
      choices: ['auto', ...update.RESTARTS],
      help: {
        en: 'how processes get the new code (default: auto, the gentlest that is right)',
        zh: '进程切换方式(默认 auto: 自动选择影响最小的可行方式)',
      },
    },
    backup: {
      type: 'string',
      choices: ['auto', 'always'],
      help: {
        en: 'back up only before a migration (auto, default) or always',
        zh: '仅在迁移前备份(auto, 默认)或始终备份',
      },
    },
    soak: {
      type: 'string',
      value: 'TIME',
      duration: true,
      help: { en: 'watch the new release for so long (default 10s)', zh: '切换后的观察时长(默认 10s)' },
    },
    'discard-local': {
      type: 'boolean',
      help: {
        en: 'set local changes of the deploy directory aside, under a git ref',
        zh: '将部署目录的本地修改保存为 git 引用, 以发布版本为准',
      },
    },
    'sync-nginx-site-config': {
      type: 'boolean',
      help: { en: 'also use the new nginx site at once', zh: '同时立即启用新的 nginx 站点配置' },
    },
    bake: {
      type: 'boolean',
      help: { en: 'also build the image from the same commit', zh: '同时用该提交构建镜像' },
    },
  },

  async run(ops, flags) {
    const options = update.releaseOptions(flags, String(flags.ref ?? ops.target.release.ref), 'forward');
    const facts = await update.surveyUpdate(ops, options.ref);
    const plan = await update.planWithHold(ops, facts, options, !flags.planOnly);
    update.showFacts(ops, facts, plan);
    if (plan === undefined) return update.nothingToDo(ops, facts, flags.planOnly, options);
    const { run, steps, recovery } = update.begin(ops, facts, plan, options);
    update.showSteps(ops.screen, steps);
    if (flags.planOnly) return ONLY_PLANNED;
    await update.agreeToGo(ops, facts, plan, options);

    run.downtime.start(ops);
    const released = await carryOut(ops, steps, recovery, async (step) => {
      // Beside what runs: nothing that serves notices.
      await step(steps.saveLocal);
      await step(steps.build);
      await step(steps.stage);
      const checked = await step(steps.check);
      await step(steps.backup, checked);
      await step(steps.migrate, checked);
      await step(steps.canary, checked);

      const since = await step(steps.switch, checked);
      await step(steps.restart, checked, since);
      const proven = await step(steps.prove, since);
      const settled = await step(steps.settle, proven);
      return { proven, settled };
    }).finally(() => run.hold.end(ops));
    const verdict = update.conclude(ops, run, { ...released, noticed: await run.downtime.stop() });
    await update.forgetOld(ops, facts.stack);
    return verdict;
  },
};

await program(import.meta, updateProdFlask);
