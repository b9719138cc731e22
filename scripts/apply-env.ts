#!/usr/bin/env -S npx tsx
/**
 * Applies a changed `.env`: the application gets a new container with the same code and the present variables, without a build. It is
 * tried with them before anything stops; a failure after that brings back the very container that served, and its `.env`.
 */
import * as env from '../lib/flows/apply-env/index.ts';
import { carryOut, holdOptions, ONLY_PLANNED, program, type Script, STACK_FLAGS } from '../lib/index.ts';

export const applyEnv: Script = {
  name: 'apply-env',
  about: {
    en: 'Applies a changed .env without a build: the same code in a new container, tried before anything stops.',
    zh: '应用修改后的 .env, 无需构建: 同一份代码、新的容器, 停止服务之前先试运行.',
  },
  flags: STACK_FLAGS,

  async run(ops, flags) {
    const way = await env.surveyEnv(ops, { hold: holdOptions(flags), tries: !flags.planOnly });
    if (way.change === undefined && way.stamps.length === 0 && !way.isUnproved && !way.isDown) {
      // The last deed of a run that was killed.
      if (!flags.planOnly) await env.discardFormers(ops, way.facts.stack);
      return env.nothingToDo(ops, way);
    }
    env.refuse(way);
    const { steps, recovery } = env.begin(way);
    env.showPlan(ops, way, steps);
    if (flags.planOnly) return ONLY_PLANNED;
    await env.agreeToGo(ops, way);

    const proved = await carryOut(ops, steps, recovery, async (step) => {
      const { imageId } = await step(steps.keep);
      await step(steps.try);
      // What serves stays whole until the new one is proved.
      await step(steps.create);

      // From here on requests wait; where they can't, production is down.
      await step(steps.stop);
      const { app } = await step(steps.startApp);

      const { health, besides } = await step(steps.prove, app, imageId);
      return { health, besides, imageId };
    }).finally(() => way.hold.end(ops));
    await env.removeOneOff(ops, way.facts);
    const verdict = env.conclude(ops, way, { ...proved, noticed: await way.downtime.stop() });
    await env.keepContainer(ops, way.facts.stack, way.env);
    await env.discardFormers(ops, way.facts.stack);
    await env.forgetOld(ops, way.facts.stack);
    return verdict;
  },
};

await program(import.meta, applyEnv);
