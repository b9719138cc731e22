import { AsyncLocalStorage } from 'node:async_hooks';

const ofProcess = new AsyncLocalStorage<Set<NodeJS.Timeout>>();
const real = globalThis.setInterval;

// A script that is killed never clears what it has set; the process of the tests would go on with it, for hundreds of scripts.
globalThis.setInterval = ((...args: Parameters<typeof real>) => {
  const timer = real(...args);
  ofProcess.getStore()?.add(timer);
  return timer;
}) as typeof real;

/** Runs what stands for a process. Its intervals go with it, whether it has ended by itself or is only not waited for any more. */
export async function withOwnIntervals<T>(run: () => Promise<T>): Promise<T> {
  const intervals = new Set<NodeJS.Timeout>();
  try {
    return await ofProcess.run(intervals, run);
  } finally {
    for (const timer of intervals) clearInterval(timer);
  }
}
