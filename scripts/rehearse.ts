#!/usr/bin/env -S npx tsx
/**
 * The disaster drill: restores a backup on this machine, beside production and shut off from it, migrates it, boots the code on it, and asks
 * whether it is healthy. What counts afterwards is how long that took, how old the data was, and that it works at all. Everything is
 * removed again, however it ends; a deployment that begins meanwhile comes first, and ends the drill.
 */
import * as rehearse from '../lib/flows/rehearse/index.ts';
import { carryOut, ONLY_PLANNED, OpsError, program, type Script } from '../lib/index.ts';

export const rehearseDisaster: Script = {
  name: 'rehearse',
  about: {
    en: 'Disaster drill: recover from a backup in isolation beside production, measure it, and remove every trace.',
    zh: '灾备演练: 在与生产隔离的环境中从备份恢复并计时, 结束后清除全部痕迹.',
  },
  flags: {
    backup: {
      type: 'string',
      value: 'DIR',
      help: {
        en: 'a backup by its directory or name (default: the newest that is proved)',
        zh: '备份目录或名称(默认最新的已验证备份)',
      },
    },
    ref: {
      type: 'string',
      value: 'REF',
      help: {
        en: 'the code: remote/branch, tag or commit (default: what runs now)',
        zh: '要演练的版本: 远端/分支、标签或提交(默认当前运行的版本)',
      },
    },
  },
  givesWay: true,
  watched: 'drill',

  async run(ops, flags) {
    const wanted = {
      backup: String(flags.backup ?? 'latest'),
      ...(flags.ref === undefined ? {} : { ref: String(flags.ref) }),
    };
    const facts = await rehearse.surveyRehearsal(ops, wanted).catch(async (error: unknown) => {
      if (isFailure(error) && !flags.planOnly) await rehearse.recordUnusable(ops, wanted.backup, error);
      throw error;
    });
    const { run, steps, recovery } = rehearse.begin(ops, facts);
    rehearse.showPlan(ops, facts, steps);
    if (flags.planOnly) return ONLY_PLANNED;

    const gone = await carryOut(ops, steps, recovery, async (step) => {
      const imageId = await step(steps.image);
      const database = await step(steps.stores);
      await step(steps.restore, database);
      await step(steps.migrate, database, imageId);
      await step(steps.boot, imageId);
      return step(steps.remove);
    }).catch(async (error: unknown) => {
      // One that was stopped, or had to give way, says nothing about the backup.
      if (isFailure(error)) await rehearse.recordDrill(ops.paths, rehearse.drillOf(ops, run, error));
      throw error;
    });
    return rehearse.conclude(ops, run, gone);
  },
};

const isFailure = (error: unknown) => error instanceof OpsError && ['failed', 'needs-person'].includes(error.kind);

await program(import.meta, rehearseDisaster);
