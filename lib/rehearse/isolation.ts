import { read } from '../host/command.ts';
import { exec } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { ask } from '../host/run.ts';
import type { Container } from '../target/stack.ts';

/** A default route in /proc/net/route, whose addresses are hexadecimal. */
const DEFAULT_ROUTE = /^\S+\s+0{8}\s/m;

/**
 * Proves, before production's data or keys could leave, that these containers publish no port, are in the drill's network alone, and know no
 * way out of it.
 *
 * @throws an error when the engine did not do what it was told.
 */
export async function requireIsolated(ops: Ops, network: string, containers: readonly Container[]): Promise<void> {
  const internal = await ask(ops, read(['docker', 'network', 'inspect', '-f', '{{.Internal}}', network]));
  for (const container of containers) {
    const networks = Object.keys(container.addresses).join(' ');
    const routes = await ask(ops, exec('read', container.id, ['cat', '/proc/net/route']), [0, 1, 126, 137]);
    const open =
      internal !== 'true' || container.ports.length > 0 || networks !== network || DEFAULT_ROUTE.test(routes);
    if (open)
      throw new Error(`${container.name} is not isolated: networks ${networks}, ${container.ports.length} ports`);
  }
}
