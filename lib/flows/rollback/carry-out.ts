import type { Health } from '../../domain/app/health.ts';
import { restoreImage } from '../../domain/images/previous.ts';
import { bringBackApp, stopNewApp } from '../../domain/replacement/app-container.ts';
import { healthEvidence } from '../../domain/replacement/container-health.ts';
import { discardNew } from '../../domain/replacement/create.ts';
import type { OutsideView } from '../../domain/replacement/downtime.ts';
import { removeOneOff } from '../../domain/replacement/one-off.ts';
import { restoreStep, swapStep } from '../../domain/restoration/steps.ts';
import type { StepRunner } from '../../runs/steps/steps.ts';
import type { ImageWay } from './image-facts.ts';
import { createOld, pointAtImage, proveImage, startOld, stopOld, tryEvidence, tryOnDatabase } from './image-way.ts';

export interface WentBack {
  readonly health: Health;
  /** What the former database is called, when data went back too. */
  readonly keptDatabase: string | undefined;
}

/**
 * Replaces the application's container by one of a kept image, with the userdata of the present one; on request the database as
 * well. Whatever can fail without harm comes before "stop"; the order of undoing is the reverse, so that never the one code
 * writes to the other's data.
 */
export async function goBackByImage(step: StepRunner, way: ImageWay, outside: OutsideView): Promise<WentBack> {
  const { facts, aside, data, restored } = way;
  await step('keep', {
    run: (o) => pointAtImage(o, way),
    undo: (o) => restoreImage(o, facts, aside.previous),
  });

  const toRestore = data && restoreStep(data);
  restored.beside = toRestore && (await step('restore', toRestore));

  await step('try', {
    run: (o) => tryOnDatabase(o, way),
    evidence: (tried) => tryEvidence(way, tried),
    undo: (o) => removeOneOff(o, facts),
  });

  // What serves stays whole until the former release is proved.
  await step('create', { run: (o) => createOld(o, way), undo: (o) => discardNew(o, aside) });

  // From here on requests wait; where they can't, production is down.
  if (facts.containers.app) {
    await step('stop', { run: (o) => stopOld(o, way, outside), undo: (o) => bringBackApp(o, facts, aside) });
  }

  const { beside } = restored;
  const swap = data && swapStep(data);
  const keptDatabase =
    beside &&
    swap &&
    (await step('swap', { run: (o) => swap.run(o, beside), undo: async (o) => swap.undo?.(o, beside) }));

  const { app } = await step('start-app', {
    run: (o) => startOld(o, way),
    evidence: healthEvidence,
    undo: (o) => stopNewApp(o, facts, aside),
  });

  const { health } = await step('prove', { run: (o) => proveImage(o, way, app), evidence: ({ text }) => text });
  return { health, keptDatabase };
}
