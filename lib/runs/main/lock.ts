import { closeSync, ftruncateSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import { UNWRITTEN } from '../../core/journal.ts';
import type { Clock } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { asTyped, CommandError, change, type RunOps, run } from '../../core/run.ts';
import type { Screen } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { readAs } from '../../tools/files/json.ts';
import { hasOpen } from '../../tools/files/open-files.ts';
import { type LockFile, openLockFile } from './lock-file.ts';

const recorded = z.object({
  user: z.string(),
  host: z.string(),
  pid: z.number(),
  /** With its command, if it has several. */
  script: z.string(),
  /** RFC 3339. */
  since: z.string(),
  step: z.string().optional(),
  /** The deploy directory, where the lock is every directory's. */
  dir: z.string().optional(),
});

/** Who holds the lock, as written into the lock file. */
export type Holder = z.infer<typeof recorded>;

export interface Lock {
  /** To be inherited by long children, so that the lock lives as long as they do. */
  readonly fd: number;
  /** Says who holds it, and at which step. */
  record(holder: Holder): void;
  release(): void;
}

/** Before there is a run: no journal as yet, and no lock to hand on but the one that is asked for. */
export type LockHost = Omit<RunOps, 'journal' | 'lockFd' | 'hold'> & { readonly screen: Pick<Screen, 'show'> };

/** The kernel keeps the lock, and the lock file says who has it. */

const TAKEN = 75; // flock's exit code of our choice for "somebody else has it"
const RETRY_MS = 500;
/** Shorter than anything that changes something: so long somebody may only be looking whether the lock is free. */
const MOMENT_MS = 100;

/**
 * Takes a lock: the deploy directory's, or that of a compose project on an engine. It belongs to the open file and is freed by the kernel however its holder ends, so it
 * can't go stale and its file is never removed (flock(2), flock(1)).
 *
 * @param waitMs how long to wait for another holder, who is shown; 0 gives up at the second try.
 * @throws {OpsError} `locked` (exit 5), naming the holder.
 */
export async function takeLock(host: LockHost, lock: LockFile, holder: Holder, waitMs: number): Promise<Lock> {
  const fd = openLockFile(lock);
  try {
    await whenFree(host, lock, { fd, how: '-x', waitMs: Math.max(waitMs, MOMENT_MS) });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const record = (now: Holder) => {
    const text = Buffer.from(`${JSON.stringify(now)}\n`);
    writeSync(fd, text, 0, text.length, 0);
    ftruncateSync(fd, text.length);
  };
  ignoreUnwritable(() => record(holder));
  return { fd, record: (now) => ignoreUnwritable(() => record(now)), release: () => closeSync(fd) };
}

/**
 * Throws when somebody has the lock for longer than `waitMs`, without taking it for longer than the question takes.
 *
 * @returns the record of whoever had it last: another one tells that it has been taken since.
 */
export async function throwIfLocked(host: LockHost, lock: LockFile, waitMs: number): Promise<string> {
  const fd = openLockFile(lock);
  try {
    return await whenFree(host, lock, { fd, how: '-s', waitMs });
  } finally {
    closeSync(fd);
  }
}

interface Wanted {
  readonly fd: number;
  readonly how: '-x' | '-s';
  readonly waitMs: number;
}

/** @returns its record as it was before it was free. */
async function whenFree(host: LockHost, lock: LockFile, { fd, how, waitMs }: Wanted): Promise<string> {
  const { file } = lock;
  const until = host.clock.monotonic() + waitMs;
  for (let waiting = false; ; waiting = true) {
    const record = readFileSync(file, 'utf8'); // first: whoever takes it after the question writes another
    if (await flock(host, fd, file, how)) return record;
    if (host.clock.monotonic() >= until) throw locked(lock, await describe(host.clock, file));
    if (!waiting && waitMs > MOMENT_MS) {
      const who = await describe(host.clock, file);
      host.screen.show({
        event: 'info',
        text: { en: `Waiting for another run to end: ${who.en}`, zh: `等待其他运行结束: ${who.zh}` },
      });
    }
    await host.clock.sleep(RETRY_MS, host.signal);
  }
}

/** Locks an open file. It does not wait, but on a network's file system the server may not answer. @returns whether it was free */
async function flock(host: LockHost, fd: number, file: string, how: '-x' | '-s'): Promise<boolean> {
  const command = change(['flock', '-n', how, '-E', String(TAKEN), '3'], { deadlineMs: 10_000, interruptible: true });
  try {
    return (await run({ ...host, journal: UNWRITTEN, lockFd: fd }, command, [0, TAKEN])).exitCode === 0;
  } catch (error) {
    throw error instanceof CommandError ? cannotLock(file, error) : error;
  }
}

/** The record is for people; the lock holds without it: on a full disk, or in a file that is another user's. */
function ignoreUnwritable(write: () => void): void {
  try {
    write();
  } catch {
    // shown as it was before
  }
}

function locked({ project, file }: LockFile, { en, zh }: Text): OpsError {
  const dir = readHolder(file)?.dir;
  const follow = asTyped(['npx', 'tsx', 'scripts/runs.ts', 'follow', ...(dir ? ['--dir', printable(dir)] : [])]);
  return new OpsError({
    kind: 'locked',
    what:
      project === undefined
        ? { en: `Another run holds this deploy directory: ${en}.`, zh: `另一个运行正在占用该部署目录: ${zh}.` }
        : {
            en: `A run from another deploy directory holds compose project ${project}: ${en}.`,
            zh: `来自另一部署目录的运行正在占用 compose 项目 ${project}: ${zh}.`,
          },
    state: NOTHING_CHANGED,
    next: [
      {
        en: `Wait for it to end, or run again with --lock-wait 10m. To watch it: ${follow}`,
        zh: `等待其结束, 或使用 --lock-wait 10m 重新运行. 查看进展: ${follow}`,
      },
    ],
  });
}

/** By then a holder has written down who it is, however many others start at the same moment. */
const WRITTEN_WITHIN_MS = 3_000;
const READ_EVERY_MS = 100;

/** Who holds it. One who took it a moment ago has not written that down yet, so what tells of nobody alive is read again. */
export async function describe(clock: Clock, file: string, waitMs = WRITTEN_WITHIN_MS): Promise<Text> {
  const end = clock.monotonic() + waitMs;
  let holder = readHolder(file);
  while ((holder === undefined || !hasOpen(holder.pid, file)) && clock.monotonic() < end) {
    await clock.sleep(READ_EVERY_MS);
    holder = readHolder(file);
  }
  if (holder === undefined) return same('?');
  const { script, user, host, pid, since, step, dir } = holder;
  const who = printable(`${script}, ${user}@${host}, pid ${pid}, ${since}${dir === undefined ? '' : `, ${dir}`}`);
  const at: Text = step ? { en: `, at step ${printable(step)}`, zh: `, 位于步骤 ${printable(step)}` } : same('');
  const gone: Text = hasOpen(pid, file)
    ? same('')
    : {
        en: '; its process is gone, and a command that it began goes on',
        zh: '; 其进程已不存在, 但它启动的命令仍在运行',
      };
  return { en: `${who}${at.en}${gone.en}`, zh: `${who}${at.zh}${gone.zh}` };
}

/** Seen without touching the lock. A command that outlived its run holds it too, and is not seen. */
export function isHeld(file: string): boolean {
  const holder = readHolder(file);
  return holder !== undefined && hasOpen(holder.pid, file);
}

const readHolder = (file: string): Holder | undefined => readAs(recorded, file);

function cannotLock(file: string, { what }: CommandError): OpsError {
  return refuse(
    { en: `${file} can't be locked: ${what.en}`, zh: `无法锁定 ${file}: ${what.zh}` },
    {
      en: 'flock (package util-linux) must be installed, and the file system of the deploy directory must answer.',
      zh: '需要安装 flock (软件包 util-linux), 且部署目录所在的文件系统必须正常响应.',
    },
  );
}

const LOOK_EVERY_MS = 500;

/**
 * For a run that only works beside production: it must neither begin while another one changes something, nor keep a deployment
 * waiting, least of all at night. So it does not hold the deploy directory's lock; it looks who takes it, and then stops.
 *
 * @param lock the deploy directory's, or the compose project's.
 * @param waitMs how long to wait for one who holds it already.
 * @param stopping is aborted when another run has taken it; the reason ends the run with exit code 5, after undoing.
 * @returns what ends the watch.
 * @throws {OpsError} `locked` when that one holds it still.
 */
export async function giveWay(
  host: LockHost,
  lock: LockFile,
  waitMs: number,
  stopping: AbortController,
): Promise<() => void> {
  const { file } = lock;
  const before = await throwIfLocked(host, lock, waitMs);
  const over = new AbortController();
  const watch = async () => {
    for (;;) {
      await host.clock.sleep(LOOK_EVERY_MS, over.signal);
      const now = readFileSync(file, 'utf8');
      if (now !== before && now.endsWith('\n')) return stopping.abort(gaveWay(await describe(host.clock, file, 0)));
    }
  };
  watch().catch(() => undefined);
  return () => over.abort();
}

const gaveWay = (who: Text) =>
  new OpsError({
    kind: 'interrupted',
    exitCode: 5,
    what: {
      en: `Another run began, and this one gave way: ${who.en}.`,
      zh: `另一个运行已开始, 本次运行已主动退出: ${who.zh}.`,
    },
    state: NOTHING_CHANGED,
    next: [{ en: 'Run this again when that one has ended.', zh: '请在其结束后重新运行.' }],
  });
