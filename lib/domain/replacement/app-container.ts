import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { OpsError } from '../../core/errors.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { CommandError, change, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { remove, start, stop } from '../../tools/docker/docker.ts';
import type { Health } from '../app/health.ts';
import { MARKER, markerText } from '../app/marker.ts';
import { waitUntilServing } from '../app/serving.ts';
import { neverServed, putBackUserdata, saveUserdata, userdataOfUnfinished } from '../app/userdata.ts';
import type { RequestHold } from '../hold/hold.ts';
import { restoreImage } from '../images/previous.ts';
import { findAllContainers, findContainers } from '../stack/containers.ts';
import type { Facts } from '../stack/deployment.ts';
import { makeApp } from './create.ts';
import type { Cutover } from './cutover.ts';
import { putBackEnv } from './former-env.ts';
import { type Former, giveBack, halt, keepStopped, setAside, takeOver } from './replace.ts';
import { noteStop } from './stopped.ts';

/** The stop itself: whoever was asked something is answered first, and whoever asks from here on waits, if that can be. */
export async function haltApp(ops: Ops, app: Container, cutover: Cutover): Promise<void> {
  const { downtime, hold } = cutover;
  downtime.start(ops);
  await hold.begin(ops, app, { drains: true });
  cutover.stopping = true;
  noteStop(ops, app);
  await haltHeld(ops, app, hold);
  // Data may change from here on: no start of the machine brings the former code to it.
  if (cutover.formers?.app) await keepStopped(ops, cutover.formers.app);
}

/** Stops one whose requests wait. Where nobody is served any more, there is nothing to wait for. */
export const haltHeld = (ops: Ops, app: Container, hold: RequestHold): Promise<void> =>
  hold.drain(ops, app, (atOnce) => (atOnce ? run(ops, stop(app.id, 0)) : halt(ops, 'app', app)));

/** Before a deletion it is done beside the last backup: nothing waits for it then. */
export async function keepUserdata(ops: Ops, cutover: Cutover): Promise<void> {
  const { app } = cutover.facts.containers;
  const former = app === undefined || neverServed(app) ? userdataOfUnfinished(ops) : undefined;
  cutover.userdata = former ?? (app && (await saveUserdata(ops, app).catch(unlessGivenUp(cutover))));
}

/** Somebody has agreed to lose it. */
function unlessGivenUp({ losesUserdata }: Cutover): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof CommandError) || error.kind !== 'command') throw error;
    if (losesUserdata) return undefined;
    throw new OpsError({ kind: 'command', what: error.what, next: [WITH_CONSENT], cause: error });
  };
}

const WITH_CONSENT: Text = {
  en: 'userdata could not be saved. Where it can’t be read in any way, a rebuild says so and asks whether it may be lost: npx tsx scripts/deploy-prod-all.ts --data keep',
  zh: 'userdata 未能保存. 若确实无法读取, 全量重建会说明并询问是否放弃: npx tsx scripts/deploy-prod-all.ts --data keep',
};

/** The application's new container takes the place of the old one, with its userdata, and is waited for until it serves. */
export async function startNewApp(ops: Ops, cutover: Cutover): Promise<{ app: Container; health: Health }> {
  const { facts, hold, removed } = cutover;
  if (facts.containers.app === undefined) await keepUserdata(ops, cutover);
  const former = cutover.formers?.app;
  // One that had a volume mounted which was deleted went with it: then there is no place to be taken.
  const isGone = former !== undefined && removed === true && !(await isThere(ops, facts, former));
  const made = cutover.replaced?.app ?? (await makeApp(ops, cutover, isGone ? undefined : former));
  const replacement = { ...made, former };
  cutover.replaced = { ...cutover.replaced, app: replacement };
  // With its data deleted, userdata would speak of what is no more; it stays saved in the run's directory.
  if (cutover.userdata && !removed) await putBackUserdata(ops, cutover.userdata, replacement.next);
  if (!isGone) await takeOver(ops, replacement);
  await run(ops, start(replacement.next));
  const app = await inspectContainer(ops, replacement.next);
  const health = await waitUntilServing(ops, app, hold, facts.app?.served);
  await hold.release(ops, app);
  await mark(ops, app.id, facts.checkout.commit);
  return { app, health };
}

const isThere = async (ops: Ops, { stack }: Facts, { container }: Former): Promise<boolean> =>
  (await findAllContainers(ops, stack)).app.some((c) => c.id === container.id);

/** Notes the commit in the container; once it serves, because nothing in it needs the note. */
async function mark(ops: Ops, container: string, commit: string): Promise<void> {
  const marker = path.join(ops.paths.run, MARKER);
  writeFileSync(marker, markerText({ commit, run: runName(ops) }));
  await run(ops, change(['docker', 'cp', marker, `${container}:${ops.target.app.root}/${MARKER}`]));
}

/** Takes the new container out of the way, so that nothing writes while data is put back. */
export async function stopNewApp(ops: Ops, { facts, hold, replaced }: Cutover): Promise<void> {
  const { app: all } = await findAllContainers(ops, facts.stack);
  const [first] = all;
  if (facts.containers.app === undefined) return void (first && (await run(ops, remove(first.id))));
  // By its id: one that dies again and again does not count as the one in use, and writes all the same.
  const next = all.find((c) => c.id === replaced?.app?.next && c.state !== 'created');
  if (next === undefined) return;
  // Should this run be killed now: it is not what production is.
  await setAside(ops, 'app', next);
  await haltAgain(ops, next, hold);
}

/** On the way back: one that may serve already. Whoever was asked something is answered first, as at the first stop. */
export async function haltAgain(ops: Ops, app: Container, hold: RequestHold): Promise<void> {
  const served = !hold.holding;
  await hold.begin(ops, app, { isBack: true, drains: served });
  if (served) await haltHeld(ops, app, hold);
  else await halt(ops, 'app', app);
}

/** The very container that served gets its place back and is started. What had to go with its data is made again, with its userdata. */
export async function bringBackApp(ops: Ops, cutover: Cutover): Promise<void> {
  const { facts, hold } = cutover;
  const [failure] = await giveBackApp(ops, cutover);
  if (hold.holding) {
    const { app } = await findContainers(ops, facts.stack);
    // Whether all is as before is proved afterwards, by way of the published ports.
    if (app?.state === 'running' && facts.app?.serving)
      await waitUntilServing(ops, app, hold, facts.app.served).catch(() => undefined);
    await hold.release(ops, app);
  }
  if (failure !== undefined) throw failure;
}

/** @returns why what belongs to it could not be put back: no reason to leave it stopped. */
async function giveBackApp(ops: Ops, cutover: Cutover): Promise<readonly unknown[]> {
  const { facts, previous, userdata } = cutover;
  const former = cutover.formers?.app;
  if (former === undefined || !cutover.stopping) return [];
  const failures: unknown[] = [];
  const regardless = (error: unknown) => void failures.push(error);
  await restoreImage(ops, facts, previous).catch(regardless);
  await putBackEnv(ops, facts).catch(regardless);
  const next = cutover.replaced?.app?.next;
  await giveBack(ops, facts.stack, { role: 'app', former, next }, async (again) => {
    if (userdata) await putBackUserdata(ops, userdata, again);
    if (facts.app?.commit) await mark(ops, again, facts.app.commit);
  });
  return failures;
}
