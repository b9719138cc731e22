import { closeSync, constants, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import type { Clock } from '../host/ops.ts';
import type { Shell } from '../host/shell.ts';
import { printable } from '../text.ts';

/** Who holds the lock, as written into the lock file. */
export interface Holder {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly script: string;
  readonly since: string;
}

export interface Lock {
  /** To be inherited by long children, so that the lock lives as long as they do. */
  readonly fd: number;
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
 * @param waitMs how long to wait for another holder; 0 gives up at the second try.
 * @throws {OpsError} `locked` (exit 5), naming the holder.
 */
export async function takeLock(
  host: { readonly $: Shell; readonly clock: Clock; readonly signal: AbortSignal },
  file: string,
  holder: Holder,
  waitMs: number,
): Promise<Lock> {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  const until = host.clock.monotonic() + Math.max(waitMs, MOMENT_MS);
  for (;;) {
    const { exitCode, stderr } = await host.$({
      nothrow: true,
      stdio: ['ignore', 'pipe', 'pipe', fd],
    })`flock -n -x -E ${TAKEN} 3`;
    if (exitCode === 0) break;
    if (exitCode !== TAKEN || host.clock.monotonic() >= until) {
      const held = readFileSync(file, 'utf8');
      closeSync(fd);
      throw exitCode === TAKEN ? locked(held) : cannotLock(file, stderr);
    }
    await host.clock.sleep(RETRY_MS, host.signal);
  }
  ftruncateSync(fd);
  writeSync(fd, `${JSON.stringify(holder)}\n`, 0);
  fsyncSync(fd);
  return { fd, release: () => closeSync(fd) };
}

/**
 * Throws when somebody has the lock, without taking it for longer than the question takes.
 *
 * @returns the record of whoever had it last: another one tells that it has been taken since.
 */
export async function throwIfLocked(host: { readonly $: Shell }, file: string): Promise<string> {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const record = readFileSync(file, 'utf8'); // first: whoever takes it after the question writes another
    const asked = host.$({ nothrow: true, stdio: ['ignore', 'pipe', 'pipe', fd] })`flock -n -s -E ${TAKEN} 3`;
    const { exitCode, stderr } = await asked;
    if (exitCode === TAKEN) throw locked(readFileSync(file, 'utf8'));
    if (exitCode !== 0) throw cannotLock(file, stderr);
    return record;
  } finally {
    closeSync(fd);
  }
}

function locked(record: string): OpsError {
  const who = describe(record);
  return new OpsError({
    kind: 'locked',
    what: {
      en: `Another run holds this deploy directory: ${who}.`,
      zh: `另一个运行正在占用该部署目录: ${who}.`,
    },
    state: NOTHING_CHANGED,
    next: [
      {
        en: 'Wait for it to end, or run again with --lock-wait 10m.',
        zh: '等待其结束, 或使用 --lock-wait 10m 重新运行.',
      },
    ],
  });
}

/** The holder in a line. */
export function describe(record: string): string {
  try {
    const h = JSON.parse(record) as Holder;
    return printable(`${h.script}, ${h.user}@${h.host}, pid ${h.pid}, ${h.since}`);
  } catch {
    return '?'; // taken a moment ago and not yet written
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
