import { type Command, change, read } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';

/**
 * An internal network is led nowhere else, but its bridge has an address on this machine: whatever listens here on all addresses could be
 * reached through that, production's published ports too. So the bridge gets none.
 */
const NO_ADDRESS = 'com.docker.network.bridge.inhibit_ipv4';

export const createNetwork = (ops: Ops, network: string): Command =>
  change(['docker', 'network', 'create', '--internal', '-o', `${NO_ADDRESS}=true`, ...ownerLabels(ops), network]);

/**
 * Proves, before production's data or keys are in them, that these containers publish no port, and that the drill's network is the only one
 * that they are in and leads nowhere.
 *
 * @throws an error when the engine did not do what it was told.
 */
export async function requireIsolated(ops: Ops, network: string, containers: readonly Container[]): Promise<void> {
  const format = `{{.Internal}} {{index .Options "${NO_ADDRESS}"}}`;
  const closed = (await ask(ops, read(['docker', 'network', 'inspect', '-f', format, network]))) === 'true true';
  for (const { name, addresses, ports } of containers) {
    const networks = Object.keys(addresses).join(', ');
    if (closed && networks === network && ports.length === 0) continue;
    throw new Error(
      `${name} is not isolated: networks ${networks}; closed: ${closed}; published ports: ${ports.length}`,
    );
  }
}
