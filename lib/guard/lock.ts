import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import type { Clock } from '../host/ops.ts';
import type { Shell } from '../host/shell.ts';
import type { Screen } from '../runbook/screen.ts';
import { printable, type Text } from '../text.ts';
import { hasOpen } from './holders.ts';

const recorded = z.object({
  user: z.string(),
  host: z.string(),
  pid: z.number(),
  /** With its command, if it has several. */
  script: z.string(),
  /** RFC 3339. */
  since: z.string(),
  step: z.string().optional(),
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

const TAKEN = 75; // flock's exit code of our choice for "somebody else has it"
const RETRY_MS = 500;
/** Shorter than anything that changes something: so long somebody may only be looking whether the lock is free. */
const MOMENT_MS = 100;

/**
 * Takes the deploy directory's lock. It belongs to the open file and is freed by the kernel however its holder ends, so it
 * can't go stale and its file is never removed (flock(2), flock(1)).
 *
 * @param waitMs how long to wait for another holder, who is shown; 0 gives up at the second try.
 * @throws {OpsError} `locked` (exit 5), naming the holder.
 */
export async function takeLock(
  host: {
    readonly $: Shell;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly screen: Pick<Screen, 'show'>;
  },
  file: string,
  holder: Holder,
  waitMs: number,
): Promise<Lock> {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  const until = host.clock.monotonic() + Math.max(waitMs, MOMENT_MS);
  try {
    for (let waiting = false; ; waiting = true) {
      const { exitCode, stderr } = await host.$({
        nothrow: true,
        stdio: ['ignore', 'pipe', 'pipe', fd],
      })`flock -n -x -E ${TAKEN} 3`;
      if (exitCode === 0) break;
      if (exitCode !== TAKEN) throw cannotLock(file, stderr);
      const isLast = host.clock.monotonic() >= until;
      const who = await describe(host.clock, file);
      if (isLast) throw locked(who);
      if (!waiting && waitMs > 0) {
        host.screen.show({
          event: 'info',
          text: { en: `Waiting for another run to end: ${who.en}`, zh: `等待其他运行结束: ${who.zh}` },
        });
      }
      await host.clock.sleep(RETRY_MS, host.signal);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const record = (now: Holder) => {
    const text = Buffer.from(`${JSON.stringify(now)}\n`);
    writeSync(fd, text, 0, text.length, 0);
    ftruncateSync(fd, text.length);
  };
  record(holder);
  return { fd, record: (now) => ignoreFullDisk(() => record(now)), release: () => closeSync(fd) };
}

/**
 * Throws when somebody has the lock, without taking it for longer than the question takes.
 *
 * @returns the record of whoever had it last: another one tells that it has been taken since.
 */
export async function throwIfLocked(host: { readonly $: Shell; readonly clock: Clock }, file: string): Promise<string> {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const record = readFileSync(file, 'utf8'); // first: whoever takes it after the question writes another
    const asked = host.$({ nothrow: true, stdio: ['ignore', 'pipe', 'pipe', fd] })`flock -n -s -E ${TAKEN} 3`;
    const { exitCode, stderr } = await asked;
    if (exitCode === TAKEN) throw locked(await describe(host.clock, file));
    if (exitCode !== 0) throw cannotLock(file, stderr);
    return record;
  } finally {
    closeSync(fd);
  }
}

/** The record is for people; the lock holds without it. */
function ignoreFullDisk(write: () => void): void {
  try {
    write();
  } catch {
    // shown as it was before
  }
}

function locked({ en, zh }: Text): OpsError {
  return new OpsError({
    kind: 'locked',
    what: {
      en: `Another run holds this deploy directory: ${en}.`,
      zh: `另一个运行正在占用该部署目录: ${zh}.`,
    },
    state: NOTHING_CHANGED,
    next: [
      {
        en: 'Wait for it to end, or run again with --lock-wait 10m. To watch it: npx tsx scripts/runs.ts follow',
        zh: '等待其结束, 或使用 --lock-wait 10m 重新运行. 查看进展: npx tsx scripts/runs.ts follow',
      },
    ],
  });
}

const WRITTEN_AFTER_MS = 100;

/** Who holds it. A holder who took it a moment ago has not written that down yet, so it is read twice. */
export async function describe(clock: Clock, file: string): Promise<Text> {
  let holder = readHolder(file);
  if (holder === undefined || !hasOpen(holder.pid, file)) {
    await clock.sleep(WRITTEN_AFTER_MS);
    holder = readHolder(file);
  }
  if (holder === undefined) return { en: '?', zh: '?' };
  const { script, user, host, pid, since, step } = holder;
  const who = printable(`${script}, ${user}@${host}, pid ${pid}, ${since}`);
  const at: Text = step
    ? { en: `, at step ${printable(step)}`, zh: `, 位于步骤 ${printable(step)}` }
    : { en: '', zh: '' };
  const gone: Text = hasOpen(pid, file)
    ? { en: '', zh: '' }
    : {
        en: '; its process is gone, and a command that it began goes on',
        zh: '; 其进程已不存在, 但它启动的命令仍在运行',
      };
  return { en: `${who}${at.en}${gone.en}`, zh: `${who}${at.zh}${gone.zh}` };
}

function readHolder(file: string): Holder | undefined {
  try {
    return recorded.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function cannotLock(file: string, stderr: string): OpsError {
  const why = printable(stderr.trim());
  return new OpsError({
    kind: 'precondition',
    what: { en: `${file} can't be locked: ${why}`, zh: `无法锁定 ${file}: ${why}` },
    state: NOTHING_CHANGED,
    next: [{ en: 'flock (package util-linux) must be installed.', zh: '需要安装 flock (软件包 util-linux).' }],
  });
}
