import type { Recovery, Step } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import { cutoverOf } from '../../domain/replacement/cutover.ts';
import { createStep, startAppStep, stopStep } from '../../domain/replacement/steps.ts';
import type { TriedImage } from '../../domain/replacement/try-start.ts';
import { advice, proveAsBefore } from '../../domain/replacement/undo.ts';
import { loadUpgrade } from '../../domain/schema/upgrade.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { backupStep } from './backup.ts';
import { connectionStep } from './connection.ts';
import { finalBackupStep } from './final-backup.ts';
import { buildStep, tryStep } from './image.ts';
import { migrateStep } from './migrate.ts';
import type { RebuildPlan } from './plan.ts';
import { adminStep, prepareStep } from './prepare.ts';
import { proveStep } from './prove.ts';
import type { Rebuild } from './rebuild.ts';
import { removeStep } from './remove.ts';
import { startStoresStep, surveyStores } from './start-stores.ts';

/** One full rebuild: its steps in their order, and what speaks for it when one of them fails. Nothing happens yet. */
export function begin(target: Target, facts: Facts, plan: RebuildPlan) {
  const { losesUserdata, replaces, deletes } = plan;
  const rebuild: Rebuild = { ...cutoverOf(target, facts, plan.hold), losesUserdata, plan, archives: new Map() };
  const steps = {
    build: buildStep(rebuild),
    try: tryStep(rebuild),
    backup: backupStep(rebuild),
    prepare: prepareStep(rebuild),
    create:
      replaces.length > 0 ? createStep(rebuild, { roles: replaces, deletes: deletes.map((v) => v.name) }) : undefined,
    stop: stop(rebuild),
    finalBackup: finalBackupStep(rebuild),
    remove: removeStep(rebuild),
    startStores: startStoresStep(rebuild),
    connection: connectionStep(rebuild),
    migrate: migrateStep(rebuild),
    admin: adminStep(),
    startApp: startAppStep(rebuild, {
      en: 'Start the new application and wait until it is healthy',
      zh: '启动新应用并等待健康检查通过',
    }),
    prove: proveStep(rebuild),
  };
  const recovery: Recovery = {
    prove: (o) => proveAsBefore(o, rebuild),
    advice: () => advice(rebuild),
    proves: PROVES['deploy-prod-all'],
    also: [`--data=${plan.data}`],
  };
  return { run: rebuild, steps, recovery };
}

/**
 * Before a deletion userdata is saved beside the last backup. What stays as it is while only the application is stopped is looked at first,
 * and a migration that comes is loaded.
 */
function stop(rebuild: Rebuild): Step<void, [TriedImage]> | undefined {
  const { deletes, backup } = rebuild.plan;
  const step = stopStep(rebuild, deletes.length > 0 && backup);
  return (
    step && {
      ...step,
      async run(ops, { oneOff, head }) {
        rebuild.storesBefore = await surveyStores(ops, rebuild);
        const schema = rebuild.storesBefore?.schema;
        if (schema?.kind === 'versioned' && schema.revision !== head) {
          rebuild.upgrade = loadUpgrade(ops, oneOff);
          await rebuild.upgrade.loaded();
        }
        await step.run(ops);
      },
      async undo(ops) {
        await rebuild.upgrade?.stop();
        await step.undo?.(ops);
      },
    }
  );
}
