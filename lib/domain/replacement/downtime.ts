import type { Ops } from '../../core/ops.ts';
import { same, seconds, type Text } from '../../core/text.ts';
import { type Outage, type Probe, startProbe } from '../../tools/http/probe.ts';
import { endpointsOf } from '../app/health.ts';
import type { HoldFacts } from '../hold/survey.ts';
import type { Facts } from '../stack/deployment.ts';

/** What a visitor noticed, by the way that he came. */
export type Noticed = readonly { readonly name: Text; readonly outage: Outage }[];

/** Measures from outside how long production is down. */
export interface OutsideView {
  start(ops: Ops): void;
  /** `undefined` when nothing served before, so nothing could go down. */
  stop(): Promise<Noticed | undefined>;
}

/** Beyond what a request may be held, it takes no longer than that to be answered. */
const ANSWER_MS = 2_000;

/** Asks through nginx and past it, 20 times a second in all, from `start` on, as users would: who has to wait waits. */
export function watchFromOutside(facts: Facts, hold: HoldFacts): OutsideView {
  let probes: readonly { readonly name: Text; readonly probe: Probe }[] | undefined;
  return {
    start(ops) {
      const { app } = facts.containers;
      if (!app || !facts.app?.serving) return;
      // Its own signal: after an interruption it goes on measuring while what was there is brought back.
      const calm = { ...ops, signal: new AbortController().signal };
      const held = hold.kind === 'holds' ? hold.atMost * 1000 : 0;
      const { nginx, direct } = endpointsOf(ops.target, app);
      const watch = (url: string) =>
        startProbe(calm, url + ops.target.health.basic, { perSecond: 10, timeoutMs: held + ANSWER_MS });
      probes ??= [
        { name: { en: 'nginx', zh: 'nginx' }, probe: watch(nginx) },
        { name: { en: 'direct', zh: '直连' }, probe: watch(direct) },
      ];
    },
    async stop() {
      return probes && Promise.all(probes.map(async ({ name, probe }) => ({ name, outage: await probe.stop() })));
    },
  };
}

/** What users noticed: the longest that nobody was answered, and by each way how many failed and how long the others waited. */
export function outageText(noticed: Noticed | undefined): Text {
  if (noticed === undefined) return same('-');
  const gap = Math.max(...noticed.map(({ outage }) => outage.longestGapMs));
  const ways = noticed.map(({ name, outage: { failed, sent, latencyMs } }): Text => {
    const longest = seconds(latencyMs.max);
    return {
      en: `${name.en} ${failed} of ${sent} requests failed, longest wait ${longest}`,
      zh: `${name.zh} 请求失败 ${failed}/${sent}, 最长等待 ${longest}`,
    };
  });
  return {
    en: `${seconds(gap)} (${ways.map((w) => w.en).join('; ')})`,
    zh: `${seconds(gap)} (${ways.map((w) => w.zh).join('; ')})`,
  };
}
