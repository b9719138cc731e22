import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { endpointsOf } from '../../domain/app/endpoints.ts';
import { isServed } from '../../domain/app/routes.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import { type Outage, type Probe, startProbe } from '../../tools/http/probe.ts';
import type { Facts } from './facts.ts';

/** What a visitor noticed of each thing that is served: through nginx, directly at gunicorn, pages, other programs' routes. */
export type Noticed = readonly { readonly name: Text; readonly outage: Outage }[];

export interface OutsideView {
  start(): void;
  stop(): Promise<Noticed | undefined>;
}

const TIMEOUT_MS = 10_000;

/** Asks 10 times a second each way, from before the first change to the end. */
export function watchFromOutside(ops: Ops, facts: Facts, hold: HoldFacts): OutsideView {
  let probes: readonly { readonly name: Text; readonly probe: Probe }[] | undefined;
  return {
    start() {
      const { nginx, direct } = endpointsOf(ops.target, facts.app);
      const { basic } = ops.target.health;
      // Who is held waits that much longer.
      const held = hold.kind === 'holds' ? hold.atMost * 1000 : 0;
      const rate = { perSecond: 10, timeoutMs: TIMEOUT_MS + held };
      // Its own signal: after an interruption it goes on measuring while what was there is brought back.
      const calm = { ...ops, signal: new AbortController().signal };
      probes ??= [
        { name: { en: 'nginx', zh: 'nginx' }, probe: startProbe(calm, nginx + basic, rate) },
        { name: { en: 'direct', zh: '直连' }, probe: startProbe(calm, direct + basic, rate) },
        ...facts.routes.map((route) => {
          const accept = (status: number) => isServed(route, status);
          return { name: route.name, probe: startProbe(calm, nginx + route.path, { ...rate, accept }) };
        }),
      ];
    },
    async stop() {
      return probes && Promise.all(probes.map(async ({ name, probe }) => ({ name, outage: await probe.stop() })));
    },
  };
}
