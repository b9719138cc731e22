#!/usr/bin/env -S npx tsx
/**
 * Restores a backup of the database without overwriting anything: beside what is in use, compared table by table, and then by a
 * change of names, for which the application pauses. The former database is kept; --back returns to it, --drop removes it some day.
 */
import * as restore from '../lib/flows/restore/index.ts';
import {
  carryOut,
  confirmDestructive,
  holdOptions,
  ONLY_PLANNED,
  program,
  type Script,
  STACK_FLAGS,
} from '../lib/index.ts';

export const restoreProd: Script = {
  name: 'restore-prod',
  about: {
    en: 'Restore a backup beside the database in use, prove it, and swap the names. Nothing is overwritten.',
    zh: '将备份恢复到另一个新库, 验证后与在用的库交换名称. 不覆盖任何数据.',
  },
  positionals: [
    {
      name: 'backup',
      optional: true,
      help: {
        en: 'a backup by its directory or name (default: the newest that is proved)',
        zh: '备份目录或名称(默认最新的已验证备份)',
      },
    },
  ],
  flags: {
    ...STACK_FLAGS,
    roles: {
      type: 'string',
      value: 'FROM',
      choices: ['cluster', 'backup'],
      help: {
        en: 'cluster (default): roles stay as they are; backup: those that are gone, and memberships, come back too',
        zh: 'cluster(默认): 角色保持现状; backup: 已删除的角色及成员关系一并恢复',
      },
    },
    back: {
      type: 'string',
      value: 'DATABASE',
      help: { en: 'return to a database that an earlier restore kept', zh: '换回之前恢复时保留的数据库' },
    },
    drop: {
      type: 'string',
      value: 'DATABASE',
      help: {
        en: 'drop a database that an earlier restore kept; asks first, and wants a newer backup',
        zh: '删除之前恢复时保留的数据库; 需确认, 且要求已有更新的备份',
      },
    },
  },

  async run(ops, flags) {
    const wanted = restore.wantedBy(flags);
    const confirm = flags.confirm as string | undefined;
    if (wanted.kind === 'drop') return restore.dropLeft(ops, wanted.database, { planOnly: flags.planOnly, confirm });
    const facts = await restore.surveyRestore(ops, wanted);
    if (facts.swapped) return restore.finish(ops, facts, facts.swapped, flags.planOnly);
    const holds = await restore.surveyHold(ops, facts.app, holdOptions(flags), !flags.planOnly);
    const { steps, recovery, downtime, requests } = restore.begin(ops, facts, holds);
    restore.showPlan(ops, facts, { steps, holds });
    if (flags.planOnly) return ONLY_PLANNED;
    await confirmDestructive(ops, restore.restoreRequest(facts), confirm);

    downtime.start(ops);
    const restored = await carryOut(ops, steps, recovery, async (step) => {
      const beside = (await step(steps.restore)) ?? (await restore.keptBeside(ops, facts));

      // From here on requests wait.
      await step(steps.hold);
      const kept = await step(steps.swap, beside);
      await step(steps.release);

      const proven = await step(steps.prove);
      return { kept, proven };
    }).finally(() => requests.end(ops));
    return restore.conclude(ops, facts, { ...restored, noticed: await downtime.stop(), seen: requests.seen });
  },
};

await program(import.meta, restoreProd);
