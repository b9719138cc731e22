import path from 'node:path';
import { whatHappened } from '../../core/errors.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { same, type Text } from '../../core/text.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { exec } from '../../tools/docker/docker.ts';
import { createFile } from '../../tools/files/durable.ts';
import { type Inventory, takeInventory } from '../app/inventory.ts';
import { MARKER } from '../app/marker.ts';
import { byteCode, type Kept, type Placement, place, putBack, savePlaced } from '../app/place.ts';
import { askSupervisor, isGunicorn, listPrograms, type Program, restartSeconds } from '../app/programs.ts';
import { BACK_AGAIN_MS, retryWhileRestarting } from '../app/retry.ts';
import { waitUntilServing } from '../app/serving.ts';
import { reloadIfPossible, renderedSite } from '../app/site.ts';
import type { Staging } from '../app/staging.ts';
import {
  lookAtWorkers,
  reloadWorkers,
  replaceWorkers,
  restartProgram,
  succeedWorkers,
  waitUntilSettled,
} from '../app/workers.ts';
import { readReleases } from '../ledger/releases.ts';
import { eachUnfinished } from '../ledger/unfinished-runs.ts';
import type { Checked } from './check.ts';
import type { Facts } from './facts.ts';
import type { HotRelease } from './hot-release.ts';
import { noteRestart } from './interrupted.ts';
import { changesSettings, staysAlone } from './restart.ts';
import { restartContainer, restartHeld } from './restart-step.ts';
import { artefactNames } from './stage.ts';

const POLL_MS = 50;
const STOPPING_POLL_MS = 500;

/** @see keepFormer, which keeps what it replaces. Tells when the files were in place, seconds since the machine's start. */
export function switchStep(update: HotRelease): Step<number, [Checked]> {
  const { facts, target } = update;
  const { root } = target.app;
  const names = artefactNames(facts);
  const andBuilt: Text = names === '' ? same('') : { en: `; ${names} as it is built`, zh: `; ${names} 以构建结果为准` };
  return {
    id: 'switch',
    title: { en: `Put the release in place in ${root}`, zh: `在 ${root} 中切换到新版本` },
    risk: 'changes',
    commands: [
      {
        en: `${facts.files.put.length} files by a rename each, ${facts.files.remove.length} removed${andBuilt.en}`,
        zh: `逐个 rename 替换 ${facts.files.put.length} 个文件, 删除 ${facts.files.remove.length} 个${andBuilt.zh}`,
      },
      ...facts.copies.map(({ from, to }) => `${from} → ${to}`),
    ],
    wayBack: { en: 'the former files, by the same renames', zh: '以同样方式换回原文件' },
    run(ops, { needed }) {
      noteRestart(ops, update.facts, needed);
      return switchFiles(ops, update);
    },
    undo: (ops, checked) => switchBack(ops, update, checked),
  };
}

/**
 * Keeps the files that {@link switchFiles} will replace; where a run was killed that had begun to replace them, those that it had found: what it
 * brought was never proved, and is nothing to go back to.
 */
export async function keepFormer(ops: Ops, update: HotRelease): Promise<void> {
  const { staging, facts } = update;
  const placement = placementOf(update);
  const proved = new Set(readReleases(ops.paths).map(({ run }) => run));
  const killed = [...eachUnfinished(ops.paths, runName(ops))].filter(({ name }) => !proved.has(name)).reverse();
  const kept = await savePlaced(
    ops,
    staging,
    placement,
    killed.map(({ name }) => name),
  );
  if (kept.ofKilled) {
    // Whoever was started since then may have read what that run brought.
    const since = Date.parse(killed[0]?.started ?? '') || 0;
    const seenAt = facts.seenAt - Math.max(0, ops.clock.now() - since) / 1000;
    update.facts = { ...facts, seenAt };
  }
  update.kept = kept;
  update.placement = placement;
  if (update.facts.files.handEdited.length > 0) await keepHandEdited(ops, update);
}

/** What lies below the application's root now that the files are back. */
async function filesBefore(ops: Ops, staging: Staging, { running }: Facts, { absent }: Kept): Promise<Inventory> {
  const { root } = ops.target.app;
  const files = new Map([...running.files, ...(await takeInventory(ops, staging.container, staging.saved + root))]);
  for (const path of absent) if (path.startsWith(`${root}/`)) files.delete(path.slice(root.length + 1));
  return files;
}

/** Puts the release's files in place, at a moment when nobody reads them. @returns when that was done, seconds since the machine's start. */
async function switchFiles(ops: Ops, update: HotRelease): Promise<number> {
  const { facts, staging, placement } = update;
  if (placement === undefined) throw new Error('the former files were not kept');
  await waitUntilSettled(ops, staging.container, facts.programs.web);
  update.switching = true;
  return place(ops, staging, placement);
}

function placementOf({ target, facts, staging, options }: HotRelease): Placement {
  const { root } = target.app;
  const { put, remove } = facts.files;
  const { site } = target.release;
  const files = put.map((f) => [`${staging.tree}/${f}`, `${root}/${f}`] as const);
  const copies = facts.copies.map(({ from, to }) => [`${staging.tree}/${from}`, to] as const);
  const rendered = options.syncSite ? [[renderedSite(staging), site.rendered] as const] : [];
  return {
    put: [...files, ...copies, ...rendered, [staging.marker, `${root}/${MARKER}`]],
    remove: remove.map((f) => `${root}/${f}`),
    caches: [...put, ...remove].flatMap((f) => byteCode(`${root}/${f}`)),
    touch: [`${root}/${MARKER}`],
  };
}

/** What somebody changed in the container, and will be replaced, is nowhere else. */
async function keepHandEdited(ops: Ops, { facts, staging }: HotRelease): Promise<void> {
  // Their names by stdin: a command line has room for some thousands at most, and whoever edits all of a tree is not to be kept from updating.
  const argv = ['tar', '-c', '-C', ops.target.app.root, '--null', '-T', '-'];
  const input = facts.files.handEdited.map((file) => `${file}\0`).join('');
  await createFile(path.join(ops.paths.run, 'hand-edited.tar'), (stdoutFd) =>
    run(ops, exec('read', staging.container, argv, { input, stdoutFd, deadlineMs: 120_000 })),
  );
}

/**
 * Puts the former files back, also after the container died in the middle and the engine started it again, and has every process
 * replaced that was started while other files were in place. Looks first: what is as it was is left alone.
 */
async function switchBack(ops: Ops, update: HotRelease, checked: Checked): Promise<void> {
  const { facts, kept, staging, hold } = update;
  if (!update.switching || kept === undefined) return;
  const { container } = staging;
  await noteWhoHasRead(ops, update, checked);
  const since = await retryWhileRestarting(ops, container, () => putBack(ops, staging, kept));
  if (kept.ofKilled)
    update.before = await retryWhileRestarting(ops, container, () => filesBefore(ops, staging, facts, kept));
  update.switching = false;
  if (await hasReadAll(ops, update, checked, since)) await restartContainer(ops, update, { isBack: true });
  else {
    try {
      await bringBackProcesses(ops, update, since);
    } catch (error) {
      ops.screen.show({ event: 'warning', text: whatHappened(error) });
      ops.screen.show({ event: 'warning', text: RESTARTING });
      await restartContainer(ops, update, { isBack: true });
    }
  }
  if (!hold.holding) return;
  const app = await inspectContainer(ops, container);
  // Whether all is as before is proved afterwards, by way of the published ports.
  await waitUntilServing(ops, app, hold, facts.served).catch(() => undefined);
  await hold.release(ops, app);
}

/** Killed from here on, this run leaves the former files under whoever was started since the switch, and has read the others. */
async function noteWhoHasRead(ops: Ops, { facts, staging }: HotRelease, { needed }: Checked): Promise<void> {
  const { app, programs } = facts;
  // One that can't be asked is dying, and starts from what lies there then.
  const now = await askSupervisor(ops, staging.container).catch(() => undefined);
  if (now === undefined) return;
  const web = now.programs.find(({ name }) => name === programs.web.name) ?? programs.web;
  noteRestart(ops, { app, programs: { ...programs, booted: now.booted, web } }, needed);
}

/**
 * Whether the container was started while the other files were in place, and had to be for them to come into force: then what it has read of
 * them (supervisord's configuration, a preloaded application) goes with it alone.
 */
async function hasReadAll(
  ops: Ops,
  { facts, staging }: HotRelease,
  { restart }: Checked,
  since: number,
): Promise<boolean> {
  if (restart.kind !== 'container') return false;
  const asking = retryWhileRestarting(ops, staging.container, () => askSupervisor(ops, staging.container));
  const now = await asking.catch(() => undefined);
  return now === undefined || !isClean(facts, since, now.booted);
}

async function bringBackProcesses(ops: Ops, update: HotRelease, since: number): Promise<void> {
  const { facts } = update;
  const { container } = update.staging;
  const { web } = facts.programs;
  const { root } = ops.target.app;
  const now = await waitForProgram(ops, container, web);
  if (now === undefined) await restartProgram(ops, container, web);
  else {
    const { workers } = await lookAtWorkers(ops, container, now.pid);
    const clean = workers.every((w) => isClean(facts, since, w.start));
    // Its configuration is read at the start and on SIGHUP only, and may be the new one.
    if (!clean && changesSettings(facts, root, web)) await reloadWorkers(ops, container, now, facts.workers);
    else if (!clean || workers.length !== facts.workers)
      await replaceWorkers(ops, container, now, { wanted: facts.workers, since });
  }
  for (const program of facts.programs.companions) await bringBackProgram(ops, update, program, since);
  await reloadIfPossible(ops, container);
}

async function bringBackProgram(ops: Ops, update: HotRelease, program: Program, since: number): Promise<void> {
  const { facts } = update;
  const { container } = update.staging;
  const present = await waitForProgram(ops, container, program);
  const { master, workers } = present
    ? await lookAtWorkers(ops, container, present.pid)
    : { master: null, workers: [] };
  const isRight = master !== null && isClean(facts, since, master);
  const hasWorkers = isGunicorn(program); // whatever else has children may make them whenever it likes
  // Told to end, it serves nobody, and the next one boots when it is gone.
  const isLed = workers.length > 0 && workers.every((w) => isClean(facts, since, w.start) && w.state !== 'leaving');
  if (present && isRight && (!hasWorkers || isLed)) return;
  // A master that was started before any of this has read the code and the configuration that are in place again.
  const isSame = hasWorkers && isRight && !changesSettings(facts, ops.target.app.root, program);
  if (present && isSame && staysAlone(facts, program, Math.max(workers.length, 1)))
    await succeedWorkers(ops, container, present, since);
  else if (facts.served.led.some((led) => led.program === program.name))
    await restartHeld(ops, update, [present ?? program], { isBack: true });
  else await restartProgram(ops, container, program);
}

/** Started before this run changed anything, or after all was put back. @param start seconds since the machine's start. */
const isClean = ({ seenAt }: Facts, since: number, start: number): boolean => start > since || start < seenAt;

/**
 * A program that runs, if need be after a while: supervisord itself may have just been started, or is still ending what it was told to
 * restart.
 */
async function waitForProgram(ops: Ops, container: string, former: Program): Promise<Program | undefined> {
  const find = async () => {
    const all = await retryWhileRestarting(ops, container, () => listPrograms(ops, container));
    return all.find(({ name }) => name === former.name);
  };
  await poll(ops, { everyMs: STOPPING_POLL_MS, forMs: restartSeconds(former) * 1000 }, async () =>
    (await find())?.state === 'STOPPING' ? undefined : true,
  );
  const forMs = BACK_AGAIN_MS + (former.startSeconds ?? 0) * 1000;
  const ended = await poll(ops, { everyMs: POLL_MS, forMs }, async () => {
    const program = await find();
    return program && ['RUNNING', 'FATAL'].includes(program.state) ? program : undefined;
  });
  return ended?.state === 'RUNNING' ? ended : undefined;
}

const RESTARTING: Text = {
  en: 'So the processes could not be replaced one by one; the container is restarted.',
  zh: '因此无法平滑替换进程, 将重启容器.',
};
