import { existsSync, statSync } from 'node:fs';
import { devNull } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { CommandError, run } from '../../core/run.ts';
import { say } from '../../core/screen.ts';
import type { Target } from '../../core/target.ts';
import { printable, spanText, type Text } from '../../core/text.ts';
import { withCopy } from '../../tools/docker/commit.ts';
import { copyIn, copyOut } from '../../tools/docker/container-files.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { exec } from '../../tools/docker/docker.ts';
import { isWithin, type Mount, placeOf } from '../../tools/docker/places.ts';
import { entriesOf } from '../ledger/runs.ts';
import { notedByUnfinished } from '../ledger/unfinished-runs.ts';
import type { Unreachable } from '../stack/deployment.ts';

/** A copy of userdata on the host: uploads, exports, logs, the scheduler's database. */
export interface SavedUserdata {
  readonly file: string;
  readonly bytes: number;
  /** Nothing in it comes from what is mounted. Absent: saved by a version that did not tell. */
  readonly ownOnly?: boolean | undefined;
}

/**
 * Directories of userdata, or all of it, that something is mounted at. They outlive the container and others may write to them: a copy that
 * is put back would undo what was written meanwhile, so they are left alone.
 */
export function mountedUserdata({ app }: Pick<Target, 'app'>, mounts: readonly Mount[]): string[] {
  if (placeOf(mounts, app.userdata).kind !== 'own') return [app.userdata];
  return mounts
    .filter((m) => m.kind !== 'own' && isWithin(m.target, app.userdata))
    .map((m) => path.posix.resolve(m.target));
}

/**
 * Saves userdata of a stopped container into the run's directory: what lives in its writable layer and dies with it. `undefined` when
 * there is none of that.
 */
export async function saveUserdata(
  ops: Ops,
  container: Pick<Container, 'id' | 'mounts'>,
): Promise<SavedUserdata | undefined> {
  const saved = await copyUserdata(ops, container, path.join(ops.paths.run, 'userdata.tar'));
  return saved && noted(ops, saved);
}

/** The same into any file, which no later run looks for. */
export async function copyUserdata(
  ops: Ops,
  container: Pick<Container, 'id' | 'mounts'>,
  file: string,
): Promise<SavedUserdata | undefined> {
  const { userdata } = ops.target.app;
  const mounted = mountedUserdata(ops.target, container.mounts);
  if (mounted.includes(userdata)) return undefined;
  // `docker cp` can't leave out what is mounted inside; the layer itself does not have it. GNU tar's --delete is no way: it loses what follows.
  const copied = mounted.length > 0 ? undefined : await copyPlainly(ops, container.id, file);
  if (!(copied ?? (await copyFromLayer(ops, container.id, file)))) return undefined;
  return { file, bytes: statSync(file).size, ownOnly: true };
}

/**
 * Copies it once for a trial, to nowhere. `undefined` when it can be saved, or there is none.
 *
 * @param planOnly makes no image of the container.
 */
export async function findUnreachable(
  ops: Ops,
  container: Pick<Container, 'id' | 'mounts'>,
  planOnly: boolean,
): Promise<Unreachable | undefined> {
  if (mountedUserdata(ops.target, container.mounts).includes(ops.target.app.userdata)) return undefined;
  try {
    if ((await copyPlainly(ops, container.id, devNull)) !== undefined) return undefined;
    if (planOnly) return { why: NOT_PLAINLY, certain: false };
    await copyFromLayer(ops, container.id, devNull);
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    ops.signal.throwIfAborted();
    return { why: error.what, certain: true };
  }
}

const NOT_PLAINLY: Text = {
  en: 'docker cp can’t read the container; the run tries its layer, and asks if that can’t be read either',
  zh: 'docker cp 无法读取该容器; 执行时会尝试读取其容器层, 仍无法读取时会要求确认',
};

/** False when there is none; `undefined` when the container can't be read like this. */
async function copyPlainly(ops: Ops, container: string, file: string): Promise<boolean | undefined> {
  try {
    return await copyOut(ops, container, ops.target.app.userdata, file);
  } catch (error) {
    if (error instanceof CommandError && error.kind === 'command') return undefined;
    throw error;
  }
}

/**
 * What keeps a container from starting, such as a mount whose source is gone, keeps `docker cp` from reading it, too. Its own layer can
 * be read all the same.
 */
const copyFromLayer = (ops: Ops, container: string, file: string): Promise<boolean> =>
  withCopy(ops, container, (copy) => copyOut(ops, copy, ops.target.app.userdata, file));

function noted(ops: Ops, saved: SavedUserdata): SavedUserdata {
  ops.journal.write({ event: 'note', key: 'userdata', value: saved });
  return saved;
}

const savedBefore = z.object({ file: z.string(), bytes: z.number(), ownOnly: z.boolean().optional() });

/**
 * What a run had saved that was killed before its new container had it: the only copy that there is, as long as that container was never
 * started, and none was proved since: its own userdata counts then. Nothing of a run that had begun to delete the data it belongs to.
 */
export function userdataOfUnfinished(ops: Ops): SavedUserdata | undefined {
  const found = notedByUnfinished(ops.paths, 'userdata');
  const saved = savedBefore.safeParse(found?.value).data;
  if (!found || !saved || !existsSync(saved.file)) return undefined;
  if (entriesOf(found.run, 'note').some((n) => n.key === 'removing')) return undefined;
  const name = printable(found.run.name);
  const age = spanText(ops.clock.now() - statSync(saved.file).mtimeMs);
  say(ops.screen, 'info', {
    en: `userdata is what run ${name} had saved (the copy is ${age.en} old): it did not get to put it back.`,
    zh: `userdata 取自运行 ${name} 的备份 (${age.zh}前保存): 该运行未能将其放回.`,
  });
  return noted(ops, saved);
}

/** It holds what its image has, and nothing of anybody's. */
export const neverServed = ({ state }: Pick<Container, 'state'>): boolean => state === 'created';

/**
 * About how many bytes userdata of a running container takes; 0 when it can't be asked.
 *
 * @param of `own`: without what is mounted inside it.
 */
export async function userdataSize(ops: Ops, container: string, of: 'own' | 'all'): Promise<number> {
  const du = exec('read', container, ['du', of === 'own' ? '-skx' : '-sk', ops.target.app.userdata]);
  const { stdout } = await run(ops, du, [0, 1, 126, 127]);
  return (Number.parseInt(stdout, 10) || 0) * 1024;
}

/** Puts saved userdata into a container that has been created and not yet started. */
export async function putBackUserdata(ops: Ops, saved: SavedUserdata, container: string): Promise<void> {
  const { userdata } = ops.target.app;
  const mounts = saved.ownOnly ? [] : (await inspectContainer(ops, container)).mounts;
  const [mounted] = mountedUserdata(ops.target, mounts);
  if (mounted === undefined) return copyIn(ops, saved.file, container, userdata);
  const [at, file] = [printable(mounted), printable(saved.file)];
  say(ops.screen, 'warning', {
    en: `Something is mounted at ${at}, which may be newer than the saved copy: that was not put back, and stays in ${file}.`,
    zh: `${at} 处有挂载, 其内容可能比保存的副本更新, 因此未放回; 副本保留在 ${file}.`,
  });
}
