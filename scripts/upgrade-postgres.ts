#!/usr/bin/env -S npx tsx
/**
 * Brings the database to another major version of PostgreSQL, in a new volume. It is tried first, on a backup that is taken for it, beside
 * what serves. Then the application stops, the last dump goes into the new server, everything is compared, and the new one takes the
 * place. The former volume is not touched: --back returns to it, --drop deletes it some day.
 */
import * as upgrade from '../lib/flows/upgrade-postgres/index.ts';
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
} from '../lib/index.ts';

export const upgradePostgres: Script = {
  name: 'upgrade-postgres',
  about: {
    en: 'Bring the database to another major version of PostgreSQL, tried first, compared, with a way back. One of --to, --back, --drop.',
    zh: '升级 PostgreSQL 大版本: 先试运行, 逐项比对, 保留退路. --to, --back, --drop 须指定其一.',
  },
  flags: {
    ...STACK_FLAGS,
    to: {
      type: 'string',
      value: 'IMAGE',
      help: {
        en: 'the image of the new major version, such as postgres:18-alpine',
        zh: '新大版本的镜像, 例如 postgres:18-alpine',
      },
    },
    trial: {
      type: 'boolean',
      help: {
        en: 'only try it beside production, and say what it will take',
        zh: '仅在生产环境旁试运行, 并给出预计用时',
      },
    },
    back: {
      type: 'boolean',
      help: { en: 'return to the cluster that the last upgrade kept', zh: '恢复使用上次升级保留的原集群' },
    },
    drop: {
      type: 'boolean',
      help: {
        en: 'delete the cluster that does not serve: the former one, after --back the new one; asks first, and wants a newer backup',
        zh: '删除未在使用的集群: 原集群, 执行过 --back 之后则为新集群; 需确认, 且要求已有更新的备份',
      },
    },
  },

  async run(ops, flags) {
    const wanted = upgrade.wantedBy(flags);
    const confirm = flags.confirm as string | undefined;
    if (wanted.kind === 'drop') return upgrade.dropAside(ops, { planOnly: flags.planOnly, confirm });
    if (wanted.kind === 'back') return goBack(ops, flags);
    const { to, onlyTries } = wanted;
    const left = onlyTries ? undefined : await upgrade.surveyLeft(ops, await upgrade.imageOf(ops, to));
    if (left?.kind === 'done') return finish(ops, left, flags.planOnly);
    if (left?.kind === 'interrupted' && !flags.planOnly) {
      const { steps, recovery } = upgrade.beginBringBack(left);
      await carryOut(ops, steps, recovery, (step) => step(steps.step));
    }
    if (left?.kind === 'stopped' && !flags.planOnly) {
      const { steps, recovery } = upgrade.beginStartAgain(left);
      await carryOut(ops, steps, recovery, (step) => step(steps.step));
    }
    const tries = !flags.planOnly && !onlyTries;
    const facts = await upgrade.surveyUpgrade(ops, { to, hold: holdOptions(flags), tries });
    const { room } = facts;
    if ('missing' in room && !onlyTries) throw upgrade.noRoom(ops.target, facts);
    const trial = upgrade.beginTrial(facts);
    const real = 'volume' in room && !onlyTries ? upgrade.begin(ops, facts, room) : undefined;
    upgrade.showPlan(ops, facts, trial.steps, real?.steps);
    if (flags.planOnly) return ONLY_PLANNED;

    const measured = await carryOut(ops, trial.steps, trial.recovery, async (step) =>
      step(trial.steps.attempt, await step(trial.steps.backup)),
    );
    upgrade.showMeasured(ops, facts, measured);
    if (real === undefined) return upgrade.concludeTrial(ops, facts);
    await upgrade.agreeToGo(ops, facts);

    const { steps, recovery, around } = real;
    const carried = carryOut(ops, steps, recovery, async (step) => {
      // A whole server of the new version, before anything stops.
      const prepared = await step(steps.prepare);

      // From here on requests wait, or are refused.
      await step(steps.stop);
      const backup = await step(steps.transfer, prepared);
      await step(steps.swap, prepared, backup);
      await step(steps.start);
      return step(steps.prove);
    });
    const health = await carried.finally(() => around.hold.end(ops));
    await upgrade.discardFormers(ops, facts.stack, ['postgres']);
    return upgrade.conclude(ops, facts, health, await upgrade.requestsOf(around));
  },
};

/** A run that was killed has left the rest; or there is nothing to do. */
async function finish(ops: Ops, left: Parameters<typeof upgrade.beginFinish>[0], planOnly: boolean) {
  const { steps, recovery } = upgrade.beginFinish(left);
  if (planOnly) return ONLY_PLANNED;
  const health = await carryOut(ops, steps, recovery, async (step) => {
    await step(steps.start);
    return step(steps.prove);
  });
  await upgrade.discardFormers(ops, left.around.stack, ['postgres']);
  return upgrade.concludeDone(ops, left, health);
}

async function goBack(ops: Ops, flags: Parsed & { readonly planOnly: boolean }) {
  const left = await upgrade.surveyWentBack(ops);
  if (left) return finish(ops, left, flags.planOnly);
  const facts = await upgrade.surveyBack(ops, holdOptions(flags), !flags.planOnly);
  const { steps, recovery, around } = upgrade.beginBack(ops, facts);
  upgrade.showBack(ops, facts, steps);
  if (flags.planOnly) return ONLY_PLANNED;
  await confirmDestructive(ops, upgrade.backRequest(facts), flags.confirm as string | undefined);
  const carried = carryOut(ops, steps, recovery, async (step) => {
    const replacement = await step(steps.create);
    await step(steps.stop);
    await step(steps.swap, replacement);
    await step(steps.start);
    return step(steps.prove);
  });
  const health = await carried.finally(() => around.hold.end(ops));
  await upgrade.noteBack(ops, facts);
  await upgrade.discardFormers(ops, facts.stack, ['postgres']);
  return upgrade.concludeBack(ops, facts, health, await upgrade.requestsOf(around));
}

await program(import.meta, upgradePostgres);
