import { type Ops, uninterruptible } from '../../core/ops.ts';
import { joined, same, seconds, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { type Outage, type Probe, startProbe } from '../../tools/http/probe.ts';
import { PATIENCE_MS } from '../../tools/http/within.ts';
import { endpointsOf, urlOf } from '../app/endpoints.ts';
import { isServed } from '../app/route-fault.ts';
import type { Route } from '../stack/deployment.ts';
import type { HoldFacts } from './survey.ts';

/** What a visitor noticed of each thing that is served: through nginx, directly at gunicorn, pages, other programs' routes, by TLS. */
export type Noticed = readonly { readonly name: Text; readonly outage: Outage }[];

/** Measures from outside what becomes of requests. */
export interface DowntimeWatch {
  start(ops: Ops): void;
  /** `undefined` when nothing served before, so nothing could go down. */
  stop(): Promise<Noticed | undefined>;
}

interface Watched {
  /** The container that serves now; undefined when none does. */
  readonly app: Container | undefined;
  /** What is asked through nginx beside the health check. */
  readonly routes: readonly Route[];
  readonly hold: HoldFacts;
}

/** All ways together come to some 25: workers that are recycled after 1,000 requests are not to be recycled by us. */
const PER_SECOND = 5;

/** Asks 5 times a second each way, from `start` on, as users would: who has to wait waits. */
export function watchDowntime({ app, routes, hold }: Watched): DowntimeWatch {
  let probes: readonly { readonly name: Text; readonly probe: Probe }[] | undefined;
  return {
    start(ops) {
      if (app === undefined || probes) return;
      const { nginx, direct } = endpointsOf(ops.target, app);
      const { basic } = ops.target.health;
      const held = hold.kind === 'holds' ? hold.atMost * 1000 : 0;
      // Its own signal: after an interruption it goes on measuring while what was there is brought back.
      const calm = uninterruptible(ops);
      const common = { perSecond: PER_SECOND, timeoutMs: held + PATIENCE_MS };
      const watch = (name: Text, url: string, more: Parameters<typeof startProbe>[2] = {}) => ({
        name,
        probe: startProbe(calm, url, { ...common, ...more }),
      });
      probes = [
        watch(same('nginx'), nginx + basic),
        watch({ en: 'direct', zh: '直连' }, direct + basic),
        ...routes.map((route) => {
          const accept = (status: number) => isServed(route, status);
          return watch(route.name, urlOf(ops.target, app, route), { accept, host: route.at?.host });
        }),
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
  const [{ en, zh }, blind] = [joined(ways), blindText(noticed)];
  return { en: `${seconds(gap)} (${en})${blind.en}`, zh: `${seconds(gap)} (${zh})${blind.zh}` };
}

/** Where nobody looked, nothing was seen to fail. */
export function blindText(noticed: Noticed): Text {
  const longest = Math.max(...noticed.map(({ outage }) => outage.blindMs));
  if (longest === 0) return same('');
  return {
    en: `; NOT MEASURED for ${seconds(longest)}: this process was held up (a slow disk?)`,
    zh: `; 其中 ${seconds(longest)} 未能测量: 本进程被阻塞 (磁盘过慢?)`,
  };
}
