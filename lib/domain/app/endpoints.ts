import { OpsError } from '../../core/errors.ts';
import type { Target } from '../../core/target.ts';
import type { Container } from '../../tools/docker/containers.ts';

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
  const at = (port: number) => {
    const published = container.ports.find((p) => p.target === port && p.protocol === 'tcp');
    if (published) return `http://${reachable(published.hostIp)}:${published.published}`;
    const address = Object.values(container.addresses).find((a) => a !== '');
    if (address) return `http://${inUrl(address)}:${port}`;
    throw new OpsError({
      kind: 'precondition',
      what: {
        en: `${container.name} can't be reached from this machine: it neither publishes port ${port} nor has an address.`,
        zh: `无法从本机访问 ${container.name}: 既未发布端口 ${port}, 也没有容器地址.`,
      },
    });
  };
  return { nginx: at(target.ports.nginx), direct: at(target.ports.direct) };
}

/** A port bound to all addresses is asked on loopback. */
function reachable(hostIp: string): string {
  if (hostIp === '' || hostIp === '0.0.0.0') return '127.0.0.1';
  return hostIp === '::' ? '[::1]' : inUrl(hostIp);
}

const inUrl = (address: string) => (address.includes(':') ? `[${address}]` : address);
