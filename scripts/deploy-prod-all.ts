#!/usr/bin/env -S npx tsx
/**
 * Full rebuild: from whatever is there (or nothing) to a proved deployment of the checked-out commit. Replaces
 * deploy-prod-all.sh; docs/from-the-shell-scripts.md has which step became which. Everything that can fail
 * without harm comes before "stop"; a failure from there on brings back image, userdata and data as they were.
 */
import * as rebuild from '../lib/flows/rebuild/index.ts';
import {
  carryOut,
  confirmDestructive,
  type DestructiveRequest,
  holdOptions,
  ONLY_PLANNED,
  program,
  type Script,
  STACK_FLAGS,
} from '../lib/index.ts';

export const deployProdAll: Script = {
  name: 'deploy-prod-all',
  about: {
    en: 'Full rebuild: build, back up, replace, migrate and prove the whole stack. Data is kept unless you say otherwise.',
    zh: '全量重建: 构建、备份、替换、迁移并逐项验证整套服务. 默认保留数据, 除非明确要求删除.',
  },
  flags: {
    ...STACK_FLAGS,
    data: {
      type: 'string',
      choices: ['keep', 'delete'],
      help: { en: 'what to do with existing data (default: ask)', zh: '如何处理已有数据(默认询问)' },
    },
  },

  async run(ops, flags) {
    const facts = await rebuild.surveyRebuild(ops, flags.planOnly);
    await rebuild.refuseUnbuildable(ops, facts.stack, facts.checkout.commit);
    const data = await rebuild.chooseData(ops, facts, flags);
    const holds = await rebuild.surveyHold(ops, facts.containers.app, holdOptions(flags), !flags.planOnly);
    const plan = rebuild.planRebuild(ops.target, facts, data, holds);
    const { run, steps, recovery } = rebuild.begin(ops.target, facts, plan);
    rebuild.showPlan(ops, run, steps);
    if (flags.planOnly) return ONLY_PLANNED;

    // Asked once, before anything changes, for exactly what the plan would destroy.
    const ask = (request: DestructiveRequest) => confirmDestructive(ops, request, flags.confirm as string | undefined);
    const consent = plan.deletes.length > 0 ? await ask(rebuild.deletionRequest(ops.target, facts, plan)) : undefined;
    if (!consent && plan.losesUserdata) await ask(rebuild.userdataRequest(ops.target, facts));
    else if (!consent) await rebuild.agreeToGo(ops, plan);

    const done = await carryOut(ops, steps, recovery, async (step) => {
      const imageId = await step(steps.build);
      const tried = await step(steps.try);
      await step(steps.backup, tried, consent);
      const prepared = await step(steps.prepare, imageId, tried);
      await step(steps.create);

      // From here on requests wait; where they can't, production is down.
      await step(steps.stop, tried);
      await step(steps.finalBackup, tried);
      if (consent) await step(steps.remove, consent);
      const started = await step(steps.startStores, prepared);
      const connected = await step(steps.connection, started);
      await step(steps.migrate, started, tried);
      await step(steps.admin, started, tried, prepared);
      const { app } = await step(steps.startApp);

      const proven = await step(steps.prove, { imageId, started, connected, app });
      return { proven, started };
    }).finally(() => run.hold.end(ops));
    await rebuild.discardHelpers(ops, run);
    const verdict = rebuild.conclude(ops, run, done.proven, await run.downtime.stop());
    await rebuild.keepContainer(ops, facts.stack, run.env);
    await rebuild.discardFormers(ops, facts.stack);
    await rebuild.forgetOld(ops, facts.stack);
    await rebuild.tellCollation(ops, run, done.started);
    await rebuild.tellStateInKept(ops, facts.stack);
    return verdict;
  },
};

await program(import.meta, deployProdAll);
