import { readFileSync } from 'node:fs';
import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import type { Text } from '../../core/text.ts';
import { describe, type LockHost, throwIfLocked } from './lock.ts';
import type { LockFile } from './lock-file.ts';

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
