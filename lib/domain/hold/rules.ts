import { createHash } from 'node:crypto';
import type { Paths } from '../../core/ops.ts';
import type { Family, Listing } from '../../tools/iptables/iptables.ts';
import { isWildcard } from '../stack/ports.ts';
import type { HeldPort } from './ports.ts';

export interface Door {
  readonly address: string;
  /** What it publishes: the same ports at the same addresses as the application, under numbers of its own. */
  readonly ports: readonly HeldPort[];
}

/** What {@link commentOf} makes. */
export const COMMENT = /^whalefall-ops-hold-[0-9a-f]{16}$/;

/** By this, and by nothing else, are the rules of a deploy directory known. */
export const commentOf = ({ state }: Pick<Paths, 'state'>): string =>
  `whalefall-ops-hold-${createHash('sha256').update(state).digest('hex').slice(0, 16)}`;

/**
 * Rules that lead what comes to the application's published ports to the doorman instead. Connections that exist keep their way.
 *
 * From elsewhere they lead to the doorman's own address, past the same rules of the engine's and of a host's firewall as the application's.
 * From this machine, and from containers, which the engine leads through its proxy, only the port is exchanged: to an address that is not
 * this machine's, neither loopback nor a bridge could lead.
 *
 * @param options.until the kernel's own end of each rule; whole seconds.
 * @param options.bridges interfaces of which the engine takes no notice in its own rules: see {@link bridgesIn}.
 * @param options.from only connections from this machine, and from these ports of its own, for a trial.
 */
export function rulesFor(
  ports: readonly HeldPort[],
  door: Door,
  options: {
    readonly comment: string;
    readonly until: number;
    readonly bridges: readonly string[];
    readonly from?: string;
  },
): Record<Family, string[]> {
  const { comment, until, bridges, from } = options;
  const rules: Record<Family, string[]> = { ipv4: [], ipv6: [] };
  const end = `-m time --datestop ${new Date(until).toISOString().slice(0, 19)} -m comment --comment ${comment}`;
  for (const port of ports) {
    const { family, published, hostIp, target } = port;
    const own = door.ports.find((p) => p.family === family && p.target === target && p.hostIp === hostIp);
    if (own === undefined) continue;
    const to = isWildcard(hostIp) ? '-m addrtype --dst-type LOCAL' : `-d ${hostIp}`;
    // Only what begins: where nothing else has the kernel follow connections (IPv6), it takes up older ones at their next packet.
    const meant = `-p tcp -m tcp --dport ${published} --tcp-flags FIN,SYN,RST,ACK SYN${from ? ` --sport ${from} -m addrtype --src-type LOCAL` : ''} ${to} ${end}`;
    const exchanged = `-j DNAT --to-destination :${own.published}`;
    rules[family].push(`OUTPUT ${meant} ${exchanged}`);
    if (isLoopback(hostIp)) continue; // nobody else gets there
    if (family === 'ipv6') {
      rules[family].push(`PREROUTING ${meant} ${exchanged}`);
      continue;
    }
    for (const bridge of bridges) rules[family].push(`PREROUTING -i ${bridge} ${meant} ${exchanged}`);
    rules[family].push(`PREROUTING ${meant} -j DNAT --to-destination ${door.address}:${target}`);
  }
  return rules;
}

const isLoopback = (hostIp: string) => hostIp.startsWith('127.') || hostIp === '::1';

/**
 * Without any rule that asks for it the kernel may follow connections no more (IPv6), and forgets whom it has led elsewhere: this one, which
 * does nothing else, stays until these have ended.
 */
export const reminder = (comment: string): Record<Family, string[]> => {
  const rule = `OUTPUT -p tcp -m conntrack --ctstate DNAT -m comment --comment ${comment}`;
  return { ipv4: [rule], ipv6: [rule] };
};

/** Bridges whose containers reach published ports through the engine's proxy: its own rules pass over them in the same way. */
export const bridgesIn = (nat: Listing): string[] =>
  nat.flatMap((line) => /^-A DOCKER -i (\S+) -j RETURN$/.exec(line)?.[1] ?? []);

/** The engine leads connections to its containers by rules of this table. */
export const isEnginesTable = (nat: Listing): boolean => nat.includes('-N DOCKER');
