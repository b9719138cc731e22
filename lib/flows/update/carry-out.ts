import { describeTrial } from '../../domain/app/canary.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { forgetArtefacts } from '../../domain/images/built-artefacts.ts';
import type { StepRunner } from '../../runs/steps/steps.ts';
import { check } from './check.ts';
import { backUp, backupEvidence, endMigration, migrateStaged, migrationEvidence } from './database-steps.ts';
import type { Facts } from './facts.ts';
import { noteRestart } from './interrupted.ts';
import type { UpdateOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { type Proven, proveUpdate } from './prove.ts';
import { type Settled, settle } from './settle.ts';
import { build, buildEvidence, saveLocalChanges, stage, stageEvidence, unstage } from './stage.ts';
import { restart, switchBack, switchFiles } from './switch.ts';
import { tryRelease } from './try-release.ts';

/**
 * The steps of a hot release, forward or back. Nothing in /app changes before the release has been loaded, migrated for, booted
 * and found healthy beside what serves; a failure after that puts the former files back in the same gentle way.
 *
 * @param unfit what to throw when the release does not work on the database as it is.
 */
export async function releaseHot(
  step: StepRunner,
  surveyed: Facts,
  progress: Progress,
  options: UpdateOptions,
  unfit: (error: unknown) => unknown = (error) => error,
): Promise<{ proven: Proven; settled: Settled }> {
  if (!surveyed.local.none) {
    await step('save-local', { run: (o) => saveLocalChanges(o, surveyed, progress) });
  }

  const facts =
    surveyed.stale.length === 0
      ? surveyed
      : await step('build', {
          run: (o) => build(o, surveyed),
          evidence: buildEvidence,
          undo: async (o) => forgetArtefacts(o),
        });

  // Beside what runs: nothing that serves reads it.
  await step('stage', {
    run: (o) => stage(o, facts, progress),
    evidence: () => stageEvidence(facts),
    undo: (o) => unstage(o, progress),
  });

  const checked = await step('check', {
    run: (o) => check(o, facts, progress, options),
    evidence: ({ restart }) => restart.why,
  });

  // Old code neither migrates nor needs to: it is tried on the schema as it is.
  if (options.direction === 'forward') {
    await step('backup', {
      run: (o) => backUp(o, facts, checked, progress, options),
      evidence: () => backupEvidence(progress),
    });

    // The old code goes on with the new schema; a migration that fails is taken back whole by the database, unless it commits on its way.
    await step('migrate', {
      run: (o) => migrateStaged(o, facts, checked, progress),
      evidence: () => migrationEvidence(facts, checked, progress.migrated),
      undo: (o) => endMigration(o, facts, checked, progress),
    });
  }

  // A worker that can't boot ends gunicorn's master, so the first one to boot is not production's.
  await step('canary', {
    run: (o) =>
      tryRelease(o, facts, progress, checked, options).catch((error: unknown) => {
        throw unfit(error);
      }),
    evidence: describeTrial,
  });

  const since = await step('switch', {
    run: (o) => {
      noteRestart(o, facts, checked.needed);
      return switchFiles(o, facts, progress);
    },
    undo: (o) => switchBack(o, facts, progress),
  });

  await step('restart', { run: (o) => restart(o, facts, progress, checked, since) });

  const proven = await step('prove', {
    run: (o) => proveUpdate(o, facts, options, since),
    evidence: ({ health }) => describeHealth(health),
  });

  const settled = await step('settle', { run: (o) => settle(o, facts, progress, options, proven) });
  return { proven, settled };
}
