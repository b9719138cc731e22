import { onTestFinished, vi } from 'vitest';
import { type TestOps, testOps } from './ops.ts';
import type { Responder } from './scripted-spawn.ts';

/** After how many seconds a command that never ends is told to, for whoever waits no longer for it. @param before answers what comes before it */
export async function secondsUntilStopped(
  run: (ops: TestOps) => Promise<unknown>,
  before: Responder = () => undefined,
) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let hangs = false;
  const ops = testOps(async (call) => {
    const reply = await before(call);
    hangs ||= reply === undefined;
    return reply ?? { hangs };
  });
  let over = false;
  const ended = run(ops)
    .catch(() => undefined)
    .finally(() => {
      over = true;
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  while (!hangs && !over) await turn();
  let seconds = 0;
  for (; !over && ops.scripted.signals.length === 0 && seconds < 100_000; seconds += 1) {
    vi.advanceTimersByTime(1_000);
    await turn();
  }
  vi.useRealTimers();
  await ended;
  return seconds;
}
