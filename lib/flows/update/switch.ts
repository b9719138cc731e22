import { closeSync, constants, openSync } from 'node:fs';
import path from 'node:path';
import { change } from '../../core/command.ts';
import { allEnded } from '../../core/concurrency.ts';
import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { MARKER } from '../../domain/app/marker.ts';
import { type Placement, place, putBack, savePlaced } from '../../domain/app/place.ts';
import { listPrograms, type Program } from '../../domain/app/programs.ts';
import { BACK_AGAIN_MS, insist } from '../../domain/app/retry.ts';
import { waitUntilServing } from '../../domain/app/serving.ts';
import { reloadNginx, renderedSite } from '../../domain/app/site.ts';
import {
  lookAtWorkers,
  reloadWorkers,
  replaceWorkers,
  restartProgram,
  succeedWorkers,
  waitUntilSettled,
} from '../../domain/app/workers.ts';
import { type RequestHold, unpublished } from '../../domain/hold/hold.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { exec } from '../../tools/docker/docker.ts';
import type { Checked } from './check.ts';
import type { Facts } from './facts.ts';
import { noteWorkers } from './interrupted.ts';
import type { UpdateOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { changesSettings, schedulerWay } from './restart.ts';

/** gunicorn finishes requests for up to 30 s. */
const GRACE_SECONDS = 35;
const POLL_MS = 50;

/** Keeps the files that {@link switchFiles} will replace. */
export async function keepFormer(ops: Ops, facts: Facts, progress: Progress, options: UpdateOptions): Promise<void> {
  const placement = placementOf(ops, facts, progress, options);
  progress.kept = await savePlaced(ops, progress.staging, placement);
  progress.placement = placement;
  if (facts.files.handEdited.length > 0) await keepHandEdited(ops, facts, progress);
}

/** Puts the release's files in place, at a moment when nobody reads them. @returns when that was done, seconds since the machine's start. */
export async function switchFiles(ops: Ops, { programs }: Facts, progress: Progress): Promise<number> {
  if (progress.placement === undefined) throw new Error('the former files were not kept');
  await waitUntilSettled(ops, progress.staging.container, programs.web);
  progress.switching = true;
  return place(ops, progress.staging, progress.placement);
}

function placementOf(ops: Ops, facts: Facts, { staging }: Progress, options: UpdateOptions): Placement {
  const { root } = ops.target.app;
  const { put, remove } = facts.files;
  const { site } = ops.target.release;
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

/** Where Python 3.9 to 3.14 keep a file's byte code. */
function byteCode(file: string): string[] {
  if (!file.endsWith('.py')) return [];
  const { dir, name } = path.posix.parse(file);
  return [9, 10, 11, 12, 13, 14].map((minor) => `${dir}/__pycache__/${name}.cpython-3${minor}.pyc`);
}

/** What somebody changed in the container is nowhere else. */
async function keepHandEdited(ops: Ops, facts: Facts, { staging }: Progress): Promise<void> {
  const file = path.join(ops.paths.run, 'hand-edited.tar');
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
  try {
    const argv = ['tar', '-c', '-C', staging.saved + ops.target.app.root, '--', ...facts.files.handEdited];
    await run(ops, exec('read', staging.container, argv, { stdoutFd: fd, deadlineMs: 120_000 }));
  } finally {
    closeSync(fd);
  }
}

/** Has every process run the new code. @param since when the files were in place. */
export async function restart(
  ops: Ops,
  facts: Facts,
  progress: Progress,
  checked: Checked,
  since: number,
): Promise<void> {
  const { container } = progress.staging;
  progress.restarting = true;
  if (checked.restart.kind === 'container') return restartContainer(ops, container, progress.hold);
  const { web, scheduler, others } = facts.programs;
  const reload = checked.restart.kind === 'reload';
  noteWorkers(ops, facts, reload ? checked.workers : facts.workers);
  // Beside one another, and each to its end: undoing must not begin while the other is still at it.
  await allEnded([
    reload
      ? reloadWorkers(ops, container, web, checked.workers)
      : replaceWorkers(ops, container, web, facts.workers, since),
    scheduler && checked.scheduler === 'succession'
      ? succeedWorkers(ops, container, scheduler, since)
      : restartAll(ops, container, scheduler ? [scheduler] : []),
    restartAll(ops, container, others),
  ]);
  await reloadNginx(ops, container);
}

async function restartAll(ops: Ops, container: string, programs: readonly Program[]): Promise<void> {
  for (const { name } of programs) await restartProgram(ops, container, name);
}

async function restartContainer(ops: Ops, id: string, hold: RequestHold): Promise<void> {
  const before = await inspectContainer(ops, id);
  await hold.begin(ops, before);
  const drained = await hold.drain(ops, before);
  const grace = drained?.ended ? 0 : GRACE_SECONDS;
  const argv = ['docker', 'restart', '-t', String(grace), id];
  await run(ops, change(argv, { deadlineMs: (grace + 60) * 1000 }));
  const app = await inspectContainer(ops, id);
  await waitUntilServing(ops, hold.holding ? unpublished(app) : app);
  await hold.release(ops, app);
}

/**
 * Puts the former files back, also after the container died in the middle and the engine started it again, and has every process
 * replaced that was started while other files were in place. Looks first: what is as it was is left alone.
 */
export async function switchBack(ops: Ops, facts: Facts, progress: Progress): Promise<void> {
  const { placement, kept, staging } = progress;
  if (!progress.switching || placement === undefined || kept === undefined) return;
  const { container } = staging;
  const since = await insist(ops, container, () => putBack(ops, staging, placement, kept));
  progress.switching = false;
  try {
    await bringBackProcesses(ops, facts, container, since);
  } catch (error) {
    ops.screen.show({ event: 'warning', text: whatHappened(error) });
    ops.screen.show({ event: 'warning', text: RESTARTING });
    await restartContainer(ops, container, progress.hold);
  }
  if (!progress.hold.holding) return;
  const app = await inspectContainer(ops, container);
  // Whether all is as before is proved afterwards, by way of the published ports.
  await waitUntilServing(ops, unpublished(app)).catch(() => undefined);
  await progress.hold.release(ops, app);
}

async function bringBackProcesses(ops: Ops, facts: Facts, container: string, since: number): Promise<void> {
  const { web, scheduler, others } = facts.programs;
  const { root } = ops.target.app;
  const now = await waitForProgram(ops, container, web.name);
  if (now === undefined) await restartProgram(ops, container, web.name);
  else {
    const { workers } = await lookAtWorkers(ops, container, now.pid);
    const clean = workers.every((w) => isClean(facts, since, w.start));
    // Its configuration is read at the start and on SIGHUP only, and may be the new one.
    if (!clean && changesSettings(facts, root, web)) await reloadWorkers(ops, container, now, facts.workers);
    else if (!clean || workers.length !== facts.workers)
      await replaceWorkers(ops, container, now, facts.workers, since);
  }
  if (scheduler) await bringBackScheduler(ops, facts, scheduler, { container, since });
  for (const { name } of others) {
    const present = await waitForProgram(ops, container, name);
    if (present === undefined || !isClean(facts, since, present.start)) await restartProgram(ops, container, name);
  }
  await reloadNginx(ops, container);
}

async function bringBackScheduler(
  ops: Ops,
  facts: Facts,
  scheduler: Program,
  { container, since }: { readonly container: string; readonly since: number },
): Promise<void> {
  const present = await waitForProgram(ops, container, scheduler.name);
  const { master, workers } = present
    ? await lookAtWorkers(ops, container, present.pid)
    : { master: null, workers: [] };
  const isRight = master !== null && isClean(facts, since, master);
  if (present && isRight && workers.every((w) => isClean(facts, since, w.start))) return;
  // A master that was started before any of this has read the configuration that is in place again.
  const gently = present && isRight && schedulerWay(facts, ops.target.app.root, undefined) === 'succession';
  if (gently) await succeedWorkers(ops, container, present, since);
  else await restartProgram(ops, container, scheduler.name);
}

/** Started before this run changed anything, or after all was put back. @param start seconds since the machine's start. */
const isClean = ({ seenAt }: Facts, since: number, start: number): boolean => start > since || start < seenAt;

/** A program that runs, if need be after a while: supervisord itself may have just been started. */
async function waitForProgram(ops: Ops, container: string, name: string): Promise<Program | undefined> {
  const end = ops.clock.monotonic() + BACK_AGAIN_MS;
  while (ops.clock.monotonic() < end) {
    const all = await insist(ops, container, () => listPrograms(ops, container));
    const program = all.find((p) => p.name === name);
    if (program?.state === 'RUNNING') return program;
    if (program?.state === 'FATAL') return undefined;
    await ops.clock.sleep(POLL_MS, ops.signal);
  }
  return undefined;
}

const RESTARTING: Text = {
  en: 'So the processes could not be replaced one by one; the container is restarted.',
  zh: '因此无法平滑替换进程, 将重启容器.',
};
