import type { Ops } from '../../core/ops.ts';
import { same, seconds, type Text } from '../../core/text.ts';
import { type Outage, type Probe, startProbe } from '../../tools/http/probe.ts';
import { endpointsOf } from '../app/health.ts';
import type { Facts } from '../stack/deployment.ts';

/** Measures from outside how long production is down. */
export interface OutsideView {
  start(): void;
  /** `undefined` when nothing served before, so nothing could go down. */
  stop(): Promise<Outage | undefined>;
}

/** Asks through nginx 20 times a second from `start` on, as a user would. */
export function watchFromOutside(ops: Ops, facts: Facts): OutsideView {
  let probe: Probe | undefined;
  return {
    start() {
      const { app } = facts.containers;
      if (!app || !facts.app?.serving) return;
      // Its own signal: after an interruption it goes on measuring while what was there is brought back.
      const calm = { ...ops, signal: new AbortController().signal };
      probe ??= startProbe(calm, endpointsOf(ops.target, app).nginx + ops.target.health.basic, { timeoutMs: 2_000 });
    },
    stop: async () => probe?.stop(),
  };
}

/** What users noticed. */
export function outageText(outage: Outage | undefined): Text {
  if (outage === undefined) return same('-');
  const [gap, requests] = [seconds(outage.longestGapMs), `${outage.failed}/${outage.sent}`];
  return { en: `${gap} (${requests} requests failed)`, zh: `${gap} (${requests} 次请求失败)` };
}
