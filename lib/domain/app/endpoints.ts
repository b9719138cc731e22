import { unmet } from '../../core/refusal.ts';
import type { Target } from '../../core/target.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { Route } from '../stack/deployment.ts';

/** Base URLs without a slash at the end. */
export interface Endpoints {
  /** Through nginx, as users come. */
  readonly nginx: string;
  /** gunicorn itself. */
  readonly direct: string;
}

/**
 * Where the application answers on this machine: its published ports, or else the container's own address.
 *
 * @throws {OpsError} `precondition` when the container has neither.
 */
export function endpointsOf(target: Target, container: Container): Endpoints {
  const at = (port: number) => `http://${hostOf(container, port)}`;
  return { nginx: at(target.ports.nginx), direct: at(target.ports.direct) };
}

/**
 * Where a route is asked for on this machine.
 *
 * @throws {OpsError} as {@link endpointsOf}.
 */
export const urlOf = (target: Target, container: Container, { path, at }: Pick<Route, 'path' | 'at'>): string =>
  `${at?.tls ? 'https' : 'http'}://${hostOf(container, at?.port ?? target.ports.nginx)}${path}`;

/** The same container at its own address, past what is published. `undefined` where it has none. */
export const unpublished = (container: Container): Container | undefined =>
  addressOf(container) === undefined ? undefined : { ...container, ports: [] };

function hostOf(container: Container, port: number): string {
  const published = container.ports.find((p) => p.target === port && p.protocol === 'tcp');
  if (published) return `${reachable(published.hostIp)}:${published.published}`;
  const address = addressOf(container);
  if (address) return `${inUrl(address)}:${port}`;
  throw unmet({
    en: `${container.name} can't be reached from this machine: it neither publishes port ${port} nor has an address.`,
    zh: `无法从本机访问 ${container.name}: 既未发布端口 ${port}, 也没有容器地址.`,
  });
}

const addressOf = ({ addresses }: Container) => Object.values(addresses).find((a) => a !== '');

/** A port bound to all addresses is asked on loopback. */
function reachable(hostIp: string): string {
  if (hostIp === '' || hostIp === '0.0.0.0') return '127.0.0.1';
  return hostIp === '::' ? '[::1]' : inUrl(hostIp);
}

const inUrl = (address: string) => (address.includes(':') ? `[${address}]` : address);
