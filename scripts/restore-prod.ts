#!/usr/bin/env -S npx tsx
/**
 * Restores a backup of the database without overwriting anything: beside what is in use, compared table by table, and then by a
 * change of names, for which the application pauses. The former database is kept; --back returns to it.
 */
import { carryOut, confirmDestructive, isProgram, main, type Script, thisProcess } from '../lib/index.ts';
import * as restore from '../lib/restore/index.ts';
import { showSteps } from '../lib/runbook/show-steps.ts';

export const restoreProd: Script = {
  name: 'restore-prod',
  about: {
    en: 'Restore a backup beside the database in use, prove it, and swap the names. Nothing is overwritten.',
    zh: '将备份恢复到旁路数据库, 验证后交换名称. 不覆盖任何数据.',
  },
  flags: {
    backup: {
      type: 'string',
      value: 'DIR',
      help: { en: 'a backup by its directory or name (default: the newest)', zh: '备份目录或名称(默认最新一份)' },
    },
    back: {
      type: 'string',
      value: 'DATABASE',
      help: { en: 'return to a database that an earlier restore kept', zh: '换回之前恢复时保留的数据库' },
    },
  },

  async run(ops, flags) {
    const wanted = {
      ...(flags.backup === undefined ? {} : { backup: String(flags.backup) }),
      ...(flags.back === undefined ? {} : { kept: String(flags.back) }),
    };
    const facts = await restore.surveyRestore(ops, wanted);
    const steps = restore.plannedSteps(facts);
    showSteps(ops.screen, steps);
    if (flags.planOnly) return { en: 'Only planned.', zh: '仅显示计划.' };
    await confirmDestructive(ops, restore.restoreRequest(facts), flags.confirm as string | undefined);

    const progress: restore.Progress = {};
    const recovery = {
      prove: (o: typeof ops) => restore.proveAsBefore(o, facts),
      advice: () => restore.advice(ops, facts, progress),
    };
    const kept = await carryOut(ops, steps, recovery, async (step) => {
      if (facts.incoming.kind === 'backup') {
        await step('restore', {
          run: (o) => restore.prepare(o, facts, progress),
          undo: (o) => restore.discard(o, facts, progress),
        });
      } else await restore.prepare(ops, facts, progress);

      // From here on requests wait.
      const running = facts.app?.state === 'running';
      if (running) await step('pause', { run: (o) => restore.pause(o, facts), undo: (o) => restore.resume(o, facts) });
      const before = await step('swap', {
        run: (o) => restore.swap(o, progress),
        undo: (o) => restore.swapAgain(o, progress),
      });
      if (running) await step('resume', { run: (o) => restore.resume(o, facts) });
      await step('prove', { run: (o) => restore.prove(o, facts), evidence: (text) => text });
      return before;
    });
    ops.screen.show({
      event: 'ok',
      text: {
        en: `Restored and proved. The former database is kept as ${kept}; the way back: npx tsx scripts/restore-prod.ts --back ${kept}`,
        zh: `恢复完成并已验证. 原数据库保留为 ${kept}; 换回命令: npx tsx scripts/restore-prod.ts --back ${kept}`,
      },
    });
    return { en: `restored; the former database is ${kept}`, zh: `已恢复; 原数据库为 ${kept}` };
  },
};

if (isProgram(import.meta)) process.exitCode = await main(restoreProd, thisProcess());
