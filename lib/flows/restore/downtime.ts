import type { Ops } from '../../core/ops.ts';
import { same, seconds, type Text } from '../../core/text.ts';
import { endpointsOf } from '../../domain/app/endpoints.ts';
import type { Facts } from '../../domain/restoration/facts.ts';
import { type Outage, type Probe, startProbe } from '../../tools/http/probe.ts';

/** Measures from outside what a restore does to those who use production. */
export interface OutsideView {
  start(): void;
  /** Undefined when the application did not run. */
  stop(): Promise<Outage | undefined>;
}

/** Asks through nginx 20 times a second, as a user would; a request that has to wait is not given up for 10 s. */
export function watchFromOutside(ops: Ops, { app }: Facts): OutsideView {
  let probe: Probe | undefined;
  return {
    start() {
      if (app?.state !== 'running') return;
      // Its own signal: after an interruption it goes on measuring while what was there is brought back.
      const calm = { ...ops, signal: new AbortController().signal };
      probe ??= startProbe(calm, endpointsOf(ops.target, app).nginx + ops.target.health.basic, { timeoutMs: 10_000 });
    },
    stop: async () => probe?.stop(),
  };
}

/** What users noticed: the longest that one of them waited, for an answer or for the next request that was answered. */
export function noticedText(noticed: Outage | undefined): Text {
  if (noticed === undefined) return same('-');
  const { sent, failed, longestGapMs, latencyMs } = noticed;
  const longest = seconds(Math.max(longestGapMs, latencyMs.max));
  return {
    en: `at most ${longest} without an answer; ${failed} of ${sent} requests failed`,
    zh: `无响应最长 ${longest}; 请求失败 ${failed}/${sent}`,
  };
}
