import type { Ops } from '../../core/ops.ts';
import { PATIENCE_MS } from './within.ts';

/** What an outside client noticed while we worked. Times in milliseconds. */
export interface Outage {
  readonly sent: number;
  /** No answer in time, no connection, or a status that is not accepted. */
  readonly failed: number;
  /** From the start of a failed request to the end of the first success that started later; 0 without a failure. */
  readonly longestGapMs: number;
  /**
   * The longest that nothing was sent or looked at although it was time: this process, or the machine, was held up. What visitors met then is not known;
   * nor does a request tell that was under way then and ended with it: it counts neither as sent nor as failed.
   */
  readonly blindMs: number;
  /** Of the successful requests; 0 without any. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface Probe {
  /** Sends no more, waits for what is under way (at most its time limit), and tells. May be called again. */
  stop(): Promise<Outage>;
}

/** Where so many wait, one more would tell nothing new, and would take the place of somebody who comes to be served. */
const MOST_WAITING = 50;
/** Less is nothing that a busy machine would not do. */
const BLIND_MS = 1_000;
/** So soon after it was held up, a process still meets what it missed: limits that are over, connections on which it said nothing for too long. */
const CATCH_UP_MS = 1_000;

/**
 * Asks for a URL at a fixed rate until stopped, whether or not earlier requests have been answered: what users notice
 * does not depend on how quickly they were served before. Never throws, never keeps the process alive by itself, and
 * ends with the run's signal.
 *
 * @param options.perSecond default 20. `timeoutMs` for each request, default as long as visitors wait. `accept`: which statuses are well; default 2xx.
 * `host`: the name in the request, if not that of the URL.
 */
export function startProbe(
  ops: Pick<Ops, 'net' | 'clock' | 'signal' | 'requests'>,
  url: string,
  options: {
    readonly perSecond?: number;
    readonly timeoutMs?: number;
    readonly accept?: (status: number) => boolean;
    readonly host?: string | undefined;
  } = {},
): Probe {
  const { perSecond = 20, timeoutMs = PATIENCE_MS, accept = (status) => status >= 200 && status < 300, host } = options;
  // Two numbers for each request: 20 requests/s for an hour are 1 MB.
  const failures: number[] = [];
  const successes: Success[] = [];
  const underWay = new Set<Promise<void>>();
  let outage: Promise<Outage> | undefined;
  const interval = 1_000 / perSecond;
  let sending = true;
  let looked = ops.clock.monotonic();
  let blindMs = 0;
  let heldUpUntil = Number.NEGATIVE_INFINITY;

  const look = () => {
    const since = ops.clock.monotonic() - looked;
    looked += since;
    if (since <= BLIND_MS + interval) return;
    heldUpUntil = looked;
    blindMs = Math.max(blindMs, round(since));
  };
  const send = () => {
    if (underWay.size >= MOST_WAITING) return;
    const started = ops.clock.monotonic();
    const answered = ops.requests?.sent(url);
    const request = succeeds(ops, url, { timeoutMs, accept, host }).then((good) => {
      underWay.delete(request);
      look();
      const ended = ops.clock.monotonic();
      const known = started > heldUpUntil || ended > heldUpUntil + CATCH_UP_MS;
      answered?.(known ? good : undefined);
      if (!known) return;
      if (good) successes.push([started, ended]);
      else failures.push(started);
    });
    underWay.add(request);
  };
  send();
  // As long as anything is under way, whether it can be believed depends on it.
  const timer = setInterval(() => {
    look();
    if (sending) send();
    else if (underWay.size === 0) clearInterval(timer);
  }, interval);
  timer.unref();
  const stopSending = () => {
    // Where nothing is sent any more, nobody looks once all is answered.
    if (sending) look();
    sending = false;
  };
  ops.signal.addEventListener('abort', stopSending, { once: true });

  return {
    stop() {
      stopSending();
      ops.signal.removeEventListener('abort', stopSending);
      outage ??= Promise.all(underWay).then(() => ({
        ...summarize(failures, successes, ops.clock.monotonic()),
        blindMs,
      }));
      return outage;
    },
  };
}

/** Start and end of a request that was answered well. */
type Success = readonly [start: number, end: number];

async function succeeds(
  ops: Pick<Ops, 'net'>,
  url: string,
  { timeoutMs, accept, host }: { timeoutMs: number; accept: (status: number) => boolean; host: string | undefined },
): Promise<boolean> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  timer.unref();
  try {
    const headers = { connection: 'close', ...(host && { host }) };
    const response = await ops.net.fetch(url, { signal: controller.signal, headers, anyCertificate: true });
    await response.arrayBuffer();
    return accept(response.status);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** @param now the end of a gap that no success has ended. */
export function summarize(
  failures: readonly number[],
  successes: readonly Success[],
  now: number,
): Omit<Outage, 'blindMs'> {
  const byStart = [...successes].sort((a, b) => a[0] - b[0]);
  // The earliest end of all successes from here on: answers overtake one another.
  const earliestEnd = byStart.map((s) => s[1]);
  for (let i = earliestEnd.length - 2; i >= 0; i -= 1) {
    earliestEnd[i] = Math.min(earliestEnd[i] as number, earliestEnd[i + 1] as number);
  }
  let longestGapMs = 0;
  let next = 0;
  for (const failed of [...failures].sort((a, b) => a - b)) {
    while (next < byStart.length && (byStart[next] as Success)[0] <= failed) next += 1;
    longestGapMs = Math.max(longestGapMs, (earliestEnd[next] ?? now) - failed);
  }
  const latencies = byStart.map(([start, end]) => end - start).sort((a, b) => a - b);
  const at = (share: number) => round(latencies[Math.max(Math.ceil(latencies.length * share) - 1, 0)] ?? 0);
  return {
    sent: failures.length + successes.length,
    failed: failures.length,
    longestGapMs: round(longestGapMs),
    latencyMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
  };
}

const round = (milliseconds: number) => Math.round(milliseconds * 10) / 10;
