import { z } from 'zod';
import { type RunOps, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { inspect } from '../../tools/docker/docker.ts';
import type { Family } from '../../tools/iptables/iptables.ts';

/** One address of this machine at which a port of the application is published. */
export interface HeldPort {
  readonly family: Family;
  readonly target: number;
  readonly published: number;
  /** `0.0.0.0` and `::` for all addresses. */
  readonly hostIp: string;
}

/** Where a container is reached: what it publishes, both families apart, and its own addresses. */
export interface Reached {
  readonly ports: readonly HeldPort[];
  /** IPv4 by network, in the order in which the engine names them; none while it does not run. */
  readonly addresses: readonly { readonly network: string; readonly address: string }[];
  readonly networks: readonly string[];
}

const bindings = z
  .record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable())
  .nullable();

const form = z.array(
  z.object({
    State: z.object({ Running: z.boolean() }),
    HostConfig: z.object({ PortBindings: bindings }),
    NetworkSettings: z.object({ Ports: bindings, Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
  }),
);

/** Where the engine has bound it, or would if it ran. UDP is not held. */
export async function reachedAt(ops: RunOps, container: string): Promise<Reached> {
  const { stdout } = await run(ops, inspect([container]));
  const [found] = answerOf('docker inspect', form, stdout);
  const { Ports, Networks } = found?.NetworkSettings ?? { Ports: null, Networks: {} };
  const bound = found?.State.Running ? Ports : (found?.HostConfig.PortBindings ?? null);
  return {
    ports: Object.entries(bound ?? {})
      .filter(([port]) => !port.endsWith('/udp'))
      .flatMap(([port, at]) =>
        (at ?? [])
          // What names no address is bound at all of them.
          .flatMap(({ HostIp, HostPort }) =>
            (HostIp ? [HostIp] : ['0.0.0.0', '::']).map((hostIp) => ({ hostIp, HostPort })),
          )
          .map(({ hostIp, HostPort }) => ({
            family: hostIp.includes(':') ? ('ipv6' as const) : ('ipv4' as const),
            target: Number.parseInt(port, 10),
            published: Number(HostPort),
            hostIp,
          })),
      ),
    networks: Object.keys(Networks),
    addresses: Object.entries(Networks)
      .filter(([, { IPAddress }]) => IPAddress !== '')
      .map(([network, { IPAddress }]) => ({ network, address: IPAddress })),
  };
}
