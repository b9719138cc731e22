import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { CommandError, run } from '../../core/run.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { start } from '../../tools/docker/docker.ts';

/** By then an engine has started a container again that died (it waits longer each time, from 0.1 s on). */
export const BACK_AGAIN_MS = 30_000;
const POLL_MS = 50;
const START_EVERY_MS = 500;

/** A container that died is started again by the engine, or else by us; where neither helps, what is done in it says so. */
async function waitUntilRunning(ops: Ops, id: string): Promise<void> {
  const isRunning = async () => (await inspectContainer(ops, id)).state === 'running' || undefined;
  if (await poll(ops, { everyMs: POLL_MS, forMs: BACK_AGAIN_MS }, isRunning)) return;
  await poll(ops, { everyMs: START_EVERY_MS, forMs: BACK_AGAIN_MS }, async () => {
    await run(ops, start(id));
    return isRunning();
  });
}

/**
 * Does something in a container that may be dying or coming back at this moment: again until it works, or for half a minute. For undoing,
 * whose deeds may be done twice.
 */
export async function retryWhileRestarting<T>(ops: Ops, container: string, deed: () => Promise<T>): Promise<T> {
  const end = ops.clock.monotonic() + BACK_AGAIN_MS;
  for (;;) {
    await waitUntilRunning(ops, container);
    try {
      return await deed();
    } catch (error) {
      if (!(error instanceof CommandError) || ops.clock.monotonic() > end) throw error;
      await ops.clock.sleep(POLL_MS, ops.signal);
    }
  }
}
