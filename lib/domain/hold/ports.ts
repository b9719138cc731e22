import { z } from 'zod';
import { type RunOps, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { inspect } from '../../tools/docker/docker.ts';
import type { Family } from '../../tools/iptables/iptables.ts';

/** One address of this machine at which a port of the application is published. */
export interface HeldPort {
  readonly family: Family;
  /** Port in the container. */
  readonly target: number;
  readonly published: number;
  /** `0.0.0.0` and `::` for all addresses. */
  readonly hostIp: string;
}

/** Where a container is reached: what it publishes, both families apart, and its own addresses. */
export interface Reached {
  readonly ports: readonly HeldPort[];
  /** IPv4 by network, in the order in which the engine names them. */
  readonly addresses: readonly { readonly network: string; readonly address: string }[];
}

const form = z.array(
  z.object({
    NetworkSettings: z.object({
      Ports: z
        .record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable())
        .nullable(),
      Networks: z.record(z.string(), z.object({ IPAddress: z.string() })),
    }),
  }),
);

/** As the engine has bound it now: nothing for a container that does not run. UDP is not held. */
export async function reachedAt(ops: RunOps, container: string): Promise<Reached> {
  const { stdout } = await run(ops, inspect([container]));
  const [found] = answerOf('docker inspect', form, stdout);
  const { Ports, Networks } = found?.NetworkSettings ?? { Ports: null, Networks: {} };
  return {
    ports: Object.entries(Ports ?? {})
      .filter(([port]) => !port.endsWith('/udp'))
      .flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostIp, HostPort }) => ({
          family: HostIp.includes(':') ? ('ipv6' as const) : ('ipv4' as const),
          target: Number.parseInt(port, 10),
          published: Number(HostPort),
          hostIp: HostIp || '0.0.0.0',
        })),
      ),
    addresses: Object.entries(Networks)
      .filter(([, { IPAddress }]) => IPAddress !== '')
      .map(([network, { IPAddress }]) => ({ network, address: IPAddress })),
  };
}
