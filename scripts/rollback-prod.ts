#!/usr/bin/env -S npx tsx
/**
 * Back to a former release: hot, by its files into the running container, or by its kept image, whichever is the gentlest that is
 * right. The old code is tried on the present database before anything is replaced; it never migrates. Data stays, unless a
 * backup is named with --data: then code and data go back together, or neither.
 */
import * as rollback from '../lib/flows/rollback/index.ts';
import {
  carryOut,
  confirmDestructive,
  holdOptions,
  ONLY_PLANNED,
  type Ops,
  type Parsed,
  program,
  type Script,
  STACK_FLAGS,
  type Text,
} from '../lib/index.ts';

type Flags = Parsed & { readonly planOnly: boolean };

const onlyLooks = ({ release = 'list' }: Parsed): boolean => release === 'list';

export const rollbackProd: Script = {
  name: 'rollback-prod',
  about: {
    en: 'Lists the releases, or goes back to one by the gentlest way that is right. Data stays unless you name a backup.',
    zh: '列出发布记录, 或以影响最小的可行方式回退到指定版本. 除非指定备份, 数据保持不变.',
  },
  positionals: [
    {
      name: 'release',
      optional: true,
      help: {
        en: 'the beginning of a commit id, previous, or list (default: list the releases)',
        zh: '提交 id 的前几位, previous 或 list (默认: 列出发布记录)',
      },
    },
  ],
  flags: {
    ...STACK_FLAGS,
    way: {
      type: 'string',
      choices: ['auto', 'hot', 'image'],
      help: {
        en: 'into the running container, or a new one of the kept image (default: auto, the gentlest that is right)',
        zh: '热回退或替换为保留的镜像(默认 auto: 自动选择影响最小的可行方式)',
      },
    },
    data: {
      type: 'string',
      value: 'BACKUP',
      help: { en: 'bring back the data of this backup, too', zh: '同时恢复该备份中的数据' },
    },
    soak: {
      type: 'string',
      value: 'TIME',
      duration: true,
      help: { en: 'hot: watch the release for so long (default 10s)', zh: '热回退后的观察时长(默认 10s)' },
    },
    'discard-local': {
      type: 'boolean',
      help: {
        en: 'hot: set local changes of the deploy directory aside, under a git ref',
        zh: '热回退: 将部署目录的本地修改保存为 git 引用',
      },
    },
  },
  onlyLooks,

  async run(ops, flags) {
    const facts = await rollback.surveyReleases(ops, onlyLooks(flags) ? 'look' : 'change');
    if (onlyLooks(flags)) return rollback.showReleases(ops, facts);
    const choice = rollback.findChoice(facts, String(flags.release));
    const asked = (flags.way ?? 'auto') as 'auto' | 'hot' | 'image';
    const chosen = rollback.chooseWay(choice, asked, flags.data !== undefined);
    if (chosen === 'hot') {
      const hot = await rollback.hot.survey(ops, flags, choice, asked);
      if (hot) return goBackHot(ops, flags, hot);
    }
    return goBackByImage(ops, flags, choice);
  },
};

/** The same steps as a hot update, but no migration, neither up nor down. */
async function goBackHot(ops: Ops, flags: Flags, way: rollback.hot.HotWay): Promise<Text> {
  const { facts, plan, options } = way;
  rollback.hot.showFacts(ops, facts, plan);
  if (plan === undefined) return rollback.hot.nothingToDo(ops, facts, flags.planOnly, options);
  const { run, steps, recovery } = rollback.hot.begin(ops, way, plan);
  rollback.hot.showSteps(ops.screen, steps);
  if (flags.planOnly) return ONLY_PLANNED;
  await rollback.hot.agreeToGo(ops, facts, plan, options);

  run.downtime.start(ops);
  const released = await carryOut(ops, steps, recovery, async (step) => {
    await step(steps.saveLocal);
    await step(steps.build);
    await step(steps.stage);
    const checked = await step(steps.check);
    await step(steps.canary, checked);

    const since = await step(steps.switch, checked);
    await step(steps.restart, checked, since);
    const proven = await step(steps.prove, since);
    const settled = await step(steps.settle, proven);
    return { proven, settled };
  }).finally(() => run.hold.end(ops));
  const verdict = rollback.hot.conclude(ops, run, { ...released, noticed: await run.downtime.stop() });
  await rollback.forgetOld(ops, facts.stack);
  return verdict;
}

/** A container of the former image takes the place of the one that runs; on request, its data with it. */
async function goBackByImage(ops: Ops, flags: Flags, choice: rollback.Choice): Promise<Text> {
  if (!choice.image.open) throw new Error('the image way was chosen and is not open');
  const backup = flags.data === undefined ? undefined : String(flags.data);
  const way = await rollback.surveyImageWay(ops, choice, choice.image.with.id, {
    backup,
    hold: holdOptions(flags),
    tries: !flags.planOnly,
  });
  const { steps, recovery } = rollback.beginByImage(way);
  rollback.showPlan(ops, way, steps);
  if (flags.planOnly) return ONLY_PLANNED;

  // Asked once, before anything changes; with data, for exactly what would be lost of it.
  if (way.data && !way.data.swapped)
    await confirmDestructive(ops, rollback.restoreRequest(way.data), flags.confirm as string | undefined);
  else if (!(way.data && flags.confirm)) await rollback.agreeToGo(ops, way.requests);

  const went = await carryOut(ops, steps, recovery, async (step) => {
    await step(steps.keep);
    const beside = await step(steps.restore);
    await step(steps.try, beside);
    await step(steps.create);

    // From here on requests wait; where they can't, production is down.
    await step(steps.stop);
    const keptDatabase = beside ? await step(steps.swap, beside) : way.data?.swapped?.before;
    const { app } = await step(steps.startApp);

    const { health, besides } = await step(steps.prove, app);
    return { health, besides, keptDatabase };
  }).finally(() => way.hold.end(ops));
  await rollback.removeOneOff(ops, way.facts);
  const verdict = rollback.conclude(ops, way, went, await way.downtime.stop());
  await rollback.keepContainer(ops, way.facts.stack, way.env);
  await rollback.discardFormers(ops, way.facts.stack);
  await rollback.forgetOld(ops, way.facts.stack);
  return verdict;
}

await program(import.meta, rollbackProd);
