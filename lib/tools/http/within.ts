import type { Ops } from '../../core/ops.ts';

/**
 * So long visitors wait for an answer: less than browsers and nginx do. Workers that are recycled together let all wait for a boot, and nothing is wrong then.
 */
export const PATIENCE_MS = 30_000;
/** For whoever only looks, or asks again. */
export const GLANCE_MS = 5_000;

/** What {@link within} gives when the time was up. */
export const DUE = Symbol('due');

/**
 * Asks for something over the network that has to be there in time. What is left of an answer when `ask` has ended is not read.
 *
 * Not `AbortSignal.any([…, AbortSignal.timeout(ms)])`: nobody holds that timer, so the garbage collector may take it before its time, and
 * the request goes on for as long as the other side likes (nodejs/node#57736).
 *
 * @param milliseconds from the connection to the last byte.
 * @throws what `ask` throws; the run's own reason when it is stopped.
 */
export async function within<T>(
  { signal }: Pick<Ops, 'signal'>,
  milliseconds: number,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T | typeof DUE> {
  signal.throwIfAborted();
  const limit = new AbortController();
  let due = false;
  const timer = setTimeout(() => {
    due = true;
    limit.abort();
  }, milliseconds);
  const stop = () => limit.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await ask(limit.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (due) return DUE;
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    limit.abort();
  }
}
