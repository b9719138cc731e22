import { endpointsOf } from '../app/endpoints.ts';
import { type Outage, type Probe, startProbe } from '../app/probe.ts';
import type { Ops } from '../host/ops.ts';
import type { Facts } from './facts.ts';

/** What a visitor noticed, through nginx and directly at gunicorn. */
export interface Noticed {
  readonly nginx: Outage;
  readonly direct: Outage;
}

export interface OutsideView {
  start(): void;
  stop(): Promise<Noticed | undefined>;
}

const RATE = { perSecond: 10, timeoutMs: 10_000 };

/** Asks 10 times a second each way, from before the first change to the end. */
export function watchFromOutside(ops: Ops, facts: Facts): OutsideView {
  let probes: readonly [nginx: Probe, direct: Probe] | undefined;
  return {
    start() {
      const { nginx, direct } = endpointsOf(ops.target, facts.app);
      const { basic } = ops.target.health;
      // Its own signal: after an interruption it goes on measuring while what was there is brought back.
      const calm = { ...ops, signal: new AbortController().signal };
      probes ??= [startProbe(calm, nginx + basic, RATE), startProbe(calm, direct + basic, RATE)];
    },
    async stop() {
      if (probes === undefined) return undefined;
      const [nginx, direct] = await Promise.all(probes.map((p) => p.stop()));
      return nginx && direct && { nginx, direct };
    },
  };
}
