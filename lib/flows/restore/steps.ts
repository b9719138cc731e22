import { change } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { humanBytes, type Text } from '../../core/text.ts';
import {
  type Beside,
  dropDatabase,
  existingBeside,
  isThere,
  restoreBeside,
  swapIn,
} from '../../domain/data/restore.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { type Pause, pauseContainer } from '../../tools/docker/pause.ts';
import { swapDatabases } from '../../tools/postgres/swap.ts';
import type { Facts } from './facts.ts';

/** How far a restore has come. */
export interface Progress {
  beside?: Beside;
  pause?: Pause;
}

/** Restores the backup beside what is in use; takes as long as it takes. */
export async function prepare(ops: Ops, { incoming, database }: Facts, progress: Progress): Promise<void> {
  progress.beside =
    incoming.kind === 'backup'
      ? await restoreBeside(ops, database, incoming.stored, { roles: incoming.roles })
      : await existingBeside(ops, database, incoming.database);
}

export function prepareEvidence({ incoming }: Facts): Text | undefined {
  if (incoming.kind === 'kept') return undefined;
  const { contents, databaseBytes } = incoming.stored.manifest;
  const rows = contents.tables.reduce((sum, t) => sum + t.rows, 0);
  const size = humanBytes(databaseBytes);
  return {
    en: `${size}; ${contents.tables.length} tables, ${rows} rows, all as in the backup`,
    zh: `${size}; ${contents.tables.length} 张表, ${rows} 行, 与备份完全一致`,
  };
}

/** Drops what was restored, unless it was there before, or is in use. */
export async function discard(ops: Ops, { incoming }: Facts, { beside }: Progress): Promise<void> {
  if (incoming.kind === 'backup' && beside) await dropDatabase(ops, beside.server, beside.incoming);
}

/** Freezes the application's processes: nothing is written to a database that is about to be put aside, and requests wait. */
export async function pause(ops: Ops, { app }: Facts, progress: Progress): Promise<void> {
  if (app) progress.pause = await pauseContainer(ops, app.id);
}

/** Lets them go on; changes nothing when they do already. */
export async function resume(ops: Ops, { app }: Facts, progress: Progress): Promise<void> {
  await progress.pause?.end();
  if (app && (await inspectContainer(ops, app.id)).state === 'paused')
    await run(ops, change(['docker', 'unpause', app.id]));
}

/** For whoever finds this run dead; to be written before {@link swap}. */
export function noteWayBack(ops: Ops, { beside }: Progress): void {
  if (beside) ops.journal.write({ event: 'way-back', script: 'restore-prod', args: [`--back=${beside.before}`] });
}

/** @returns what the former database is called now; undefined when there was none. */
export async function swap(ops: Ops, progress: Progress): Promise<string | undefined> {
  if (progress.beside === undefined) throw new Error('nothing was prepared');
  const { before } = await swapIn(ops, progress.beside);
  return before ?? undefined;
}

/** Gives the names back, if they were swapped. */
export async function swapAgain(ops: Ops, { beside }: Progress): Promise<void> {
  if (beside === undefined || (await isThere(ops, beside.server, beside.incoming))) return;
  const { server, name, incoming, before } = beside;
  await swapDatabases(ops, server, { incoming: before, name, before: incoming });
}
