import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { firstAbort } from '../../core/concurrency.ts';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { asTyped } from '../../core/run.ts';
import { humanBytes, type Text } from '../../core/text.ts';
import { fileNamePart, freeBytes, renameDurably, stamp } from '../../tools/files/durable.ts';
import { listBackups, newestAt } from './manifest.ts';

const PARTIAL = '.partial';
const DOOMED = '.doomed';
const LOOK_EVERY_MS = 500;

/** Where a backup is made, and what it will be called when it is complete and proved. */
export interface Place {
  readonly id: string;
  /** When it is begun, milliseconds; after every other one, whatever became of the clock. */
  readonly at: number;
  readonly partial: string;
  readonly final: string;
}

/** What this process is writing just now, so that two backups at once don't take each other for leftovers. */
const beingWritten = new Set<string>();

/**
 * Lets `fill` make a backup in a directory with a partial name. It must rename it itself when it is proved; whatever is left under the
 * partial name afterwards is removed. Leftovers of runs that were killed are removed first: call it under the lock.
 */
export async function inNewBackupDir<T>(ops: Ops, label: string, fill: (place: Place) => Promise<T>): Promise<T> {
  const { backups } = ops.paths;
  mkdirSync(backups, { recursive: true, mode: 0o700 });
  discardLeftovers(backups);
  const at = Math.max(ops.clock.now(), newestAt(backups) + 1_000);
  const base = `${stamp(at)}-${fileNamePart(label)}`;
  let id = base;
  const taken = () => [id, id + PARTIAL].some((name) => existsSync(path.join(backups, name)));
  for (let n = 2; taken(); n += 1) id = `${base}-${n}`;
  const place = { id, at, partial: path.join(backups, id + PARTIAL), final: path.join(backups, id) };
  beingWritten.add(place.partial);
  try {
    mkdirSync(place.partial, { mode: 0o700 });
    return await fill(place);
  } finally {
    rmSync(place.partial, { recursive: true, force: true });
    beingWritten.delete(place.partial);
  }
}

/** Removes what killed runs left half written or half removed. Call it under the lock. */
export function discardLeftovers(backups: string): void {
  for (const dir of listBackups(backups).leftovers) {
    if (!beingWritten.has(dir)) rmSync(dir, { recursive: true, force: true });
  }
}

/** Removes a backup so that a crash half-way leaves none that looks complete. */
export function discardBackup(dir: string): void {
  const doomed = `${dir}${DOOMED}`;
  renameDurably(dir, doomed);
  rmSync(doomed, { recursive: true, force: true });
}

/** Never filled: PostgreSQL on the same disk stops when it can't write its log. Bytes. */
function reserve(dir: string): number {
  const { blocks, bsize } = statfsSync(dir);
  return Math.min(1_000_000_000, (blocks * bsize) / 20);
}

const BACKUP = {
  name: { en: 'a backup', zh: '备份' },
  state: { en: 'No backup was begun.', zh: '尚未开始备份.' },
} as const;

/**
 * @param of what needs them, and how things are without it.
 * @throws {OpsError} `precondition` when `bytes` and the reserve don't fit.
 */
export function refuseWithoutRoom(
  dir: string,
  bytes: number,
  { name, state }: Readonly<Record<'name' | 'state', Text>> = BACKUP,
): void {
  const needed = bytes + reserve(dir);
  const free = freeBytes(dir);
  if (free >= needed) return;
  throw new OpsError({
    kind: 'precondition',
    what: {
      en: `Not enough disk for ${name.en} in ${dir}: about ${humanBytes(needed)} are needed, ${humanBytes(free)} are free.`,
      zh: `磁盘空间不足, 无法在 ${dir} 中${name.zh}: 约需 ${humanBytes(needed)}, 剩余 ${humanBytes(free)}.`,
    },
    state,
    next: [whatTakesSpace(dir)],
  });
}

/**
 * Does `work` and stops it when the disk is about to be full.
 *
 * @throws {OpsError} `failed` then; `precondition` when it is so already.
 */
export async function whileThereIsRoom<T>(ops: Ops, dir: string, work: (ops: Ops) => Promise<T>): Promise<T> {
  refuseWithoutRoom(dir, 0); // else the watch would call it a disk that got full
  const stop = new AbortController();
  const done = new AbortController();
  const watch = async () => {
    const least = reserve(dir);
    for (;;) {
      await ops.clock.sleep(LOOK_EVERY_MS, done.signal);
      if (freeBytes(dir) < least) stop.abort(diskFull(dir));
    }
  };
  watch().catch(() => undefined);
  try {
    return await work({ ...ops, signal: firstAbort(ops.signal, stop.signal) });
  } finally {
    done.abort();
  }
}

export const diskFull = (dir: string) =>
  new OpsError({
    kind: 'failed',
    what: {
      en: `The disk of ${dir} got full during the backup (${humanBytes(freeBytes(dir))} left), so it was stopped.`,
      zh: `备份过程中 ${dir} 所在磁盘空间即将耗尽 (剩余 ${humanBytes(freeBytes(dir))}), 已停止备份.`,
    },
    state: {
      en: 'The incomplete backup was removed. The database was only read.',
      zh: '未完成的备份已删除, 对数据库只进行了读取.',
    },
    next: [whatTakesSpace(dir)],
  });

export const whatTakesSpace = (dir: string): Text => ({
  en: `See what takes the space: ${asTyped(['du', '-xhd1', dir])}`,
  zh: `查看空间占用: ${asTyped(['du', '-xhd1', dir])}`,
});
