import type { Container } from '../../tools/docker/containers.ts';
import type { Facts } from '../stack/deployment.ts';

/** The server's own address in a compose network: what it sees of others comes from there, never from loopback. */
export function ownAddress(facts: Pick<Facts, 'stack'>, container: Container): string {
  const address =
    facts.stack.networks.map((n) => container.addresses[n]).find(Boolean) ?? Object.values(container.addresses)[0];
  if (!address) throw new Error(`${container.name} has no address in any network`);
  return address;
}
