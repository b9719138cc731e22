import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Health } from '../app/health.ts';
import { MARKER, markerText } from '../app/marker.ts';
import { waitUntilServing } from '../app/serving.ts';
import { putBackUserdata, saveUserdata, userdataOfUnfinished } from '../app/userdata.ts';
import { change } from '../host/command.ts';
import { upNoStart } from '../host/compose.ts';
import { start, stop } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';
import { findContainers, inspectContainer } from '../target/containers.ts';
import type { Container } from '../target/stack.ts';
import { lookBeforehand } from './beforehand.ts';
import type { Facts } from './facts.ts';
import { restoreImage } from './image.ts';
import type { OutsideView } from './outside.ts';
import type { RebuildPlan } from './plan.ts';
import type { PutAside } from './put-aside.ts';

/** gunicorn finishes requests for up to 30 s. */
const GRACE_SECONDS = 35;

/** Stops the application and saves what only its container holds. From here on production is down, and measured. */
export async function stopApp(
  ops: Ops,
  facts: Facts,
  plan: RebuildPlan,
  aside: PutAside,
  outside: OutsideView,
): Promise<void> {
  const { app } = facts.containers;
  if (app === undefined) return;
  aside.beforehand = await lookBeforehand(ops, facts, plan);
  await haltApp(ops, app, aside, outside);
  if (plan.deletes.length === 0 || !plan.backup) await keepUserdata(ops, facts, aside);
}

/** The stop itself: whoever was asked something is answered first. */
export async function haltApp(ops: Ops, app: Container, aside: PutAside, outside: OutsideView): Promise<void> {
  outside.start();
  aside.stopping = true;
  await run(ops, stop(app.id, GRACE_SECONDS));
}

/** Before a deletion it is done beside the last backup: nothing waits for it then. */
export async function keepUserdata(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  const { app } = facts.containers;
  const former = neverServed(app) ? userdataOfUnfinished(ops) : undefined;
  aside.userdata = former ?? (app && (await saveUserdata(ops, app)));
}

/** It holds what its image has, and nothing of anybody's. */
const neverServed = (app: Container | undefined): boolean => app === undefined || app.state === 'created';

/** Replaces the application's container by one of the new image, with the userdata of the old one, and waits until it serves. */
export async function startNewApp(
  ops: Ops,
  facts: Facts,
  aside: PutAside,
): Promise<{ app: Container; health: Health }> {
  if (facts.containers.app === undefined) await keepUserdata(ops, facts, aside);
  const created = aside.created ?? (await createApp(ops, facts));
  // With its data deleted, userdata would speak of what is no more; it stays saved in the run's directory.
  if (aside.userdata && !aside.removed) await putBackUserdata(ops, aside.userdata, created);
  await run(ops, start(created.id));
  const app = await inspectContainer(ops, created.id);
  const health = await waitUntilServing(ops, app);
  await mark(ops, app, facts.checkout.commit);
  return { app, health };
}

async function createApp(ops: Ops, facts: Facts): Promise<Container> {
  const { key } = facts.stack.services.app;
  await run(ops, upNoStart(ops.target, [key]));
  const { app } = await findContainers(ops, facts.stack);
  if (app === undefined) throw new Error(`compose made no container for ${key}`);
  return app;
}

/** Notes the commit in the container; once it serves, because nothing in it needs the note. */
async function mark(ops: Ops, app: Container, commit: string): Promise<void> {
  const marker = path.join(ops.paths.run, MARKER);
  writeFileSync(marker, markerText({ commit, run: path.basename(ops.paths.run) }));
  await run(ops, change(['docker', 'cp', marker, `${app.id}:${ops.target.app.root}/${MARKER}`]));
}

/** Takes the new container out of the way, so that nothing writes while data is put back. */
export async function stopNewApp(ops: Ops, facts: Facts): Promise<void> {
  const { app } = await findContainers(ops, facts.stack);
  if (app === undefined || app.id === facts.containers.app?.id) return;
  await run(ops, facts.containers.app ? stop(app.id, 5) : change(['docker', 'rm', '-f', '-v', app.id]));
}

/**
 * Makes the application's container what it was: the same one started again if it still exists, else a new one of the previous
 * image with the saved userdata.
 */
export async function bringBackApp(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  const before = facts.containers.app;
  if (before === undefined) return;
  await restoreImage(ops, facts, aside.previous);
  const { app } = await findContainers(ops, facts.stack);
  if (app?.id === before.id) {
    if (before.state !== 'running' || !aside.stopping) return;
    // An engine that was asked to stop goes on with it, and takes a start meanwhile for done: so the stop comes first to its end.
    await run(ops, stop(app.id, GRACE_SECONDS));
    await run(ops, start(app.id));
    return;
  }
  const again = await createApp(ops, facts);
  if (aside.userdata) await putBackUserdata(ops, aside.userdata, again);
  if (before.state !== 'running') return;
  await run(ops, start(again.id));
  if (facts.app?.commit) await mark(ops, again, facts.app.commit);
}
