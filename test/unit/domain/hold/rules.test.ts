import { expect, it } from 'vitest';
import type { HeldPort } from '../../../../lib/domain/hold/ports.ts';
import { bridgesIn, commentOf, rulesFor } from '../../../../lib/domain/hold/rules.ts';

const port = (more: Partial<HeldPort> = {}): HeldPort => ({
  family: 'ipv4',
  target: 80,
  published: 8080,
  hostIp: '0.0.0.0',
  ...more,
});
const UNTIL = Date.parse('2026-01-02T03:04:05Z');
const OPTIONS = { comment: 'whalefall-ops-hold-0', until: UNTIL, bridges: ['docker0'] };
const END = '-m time --datestop 2026-01-02T03:04:05 -m comment --comment whalefall-ops-hold-0';
const BEGINS = '--tcp-flags FIN,SYN,RST,ACK SYN';

it('leads others to the doorman’s address, containers and this machine to its port, and only what begins', () => {
  const door = { address: '172.18.0.9', ports: [port({ published: 32768 })] };
  const meant = `-p tcp -m tcp --dport 8080 ${BEGINS} -m addrtype --dst-type LOCAL ${END} -j DNAT --to-destination`;
  expect(rulesFor([port()], door, OPTIONS)).toEqual({
    ipv4: [`OUTPUT ${meant} :32768`, `PREROUTING -i docker0 ${meant} :32768`, `PREROUTING ${meant} 172.18.0.9:80`],
    ipv6: [],
  });
});

it('leads IPv6 by the port alone, and of a port on loopback only this machine', () => {
  const held = [port({ family: 'ipv6', hostIp: '::' }), port({ hostIp: '127.0.0.1' })];
  const door = {
    address: '172.18.0.9',
    ports: [port({ family: 'ipv6', hostIp: '::', published: 32769 }), port({ hostIp: '127.0.0.1', published: 32770 })],
  };
  const { ipv4, ipv6 } = rulesFor(held, door, OPTIONS);
  expect(ipv6.map((r) => r.split(' ')[0])).toEqual(['OUTPUT', 'PREROUTING']);
  expect(ipv6.every((r) => r.endsWith(' :32769'))).toBe(true);
  expect(ipv4).toEqual([expect.stringMatching(/^OUTPUT .* -d 127\.0\.0\.1 .* :32770$/)]);
});

it('has no rule for a port that the doorman does not have at the same address', () => {
  const door = { address: '172.18.0.9', ports: [port({ hostIp: '127.0.0.1' })] };
  expect(rulesFor([port()], door, OPTIONS)).toEqual({ ipv4: [], ipv6: [] });
});

it('of a trial, leads only connections from this machine and from ports of our own', () => {
  const door = { address: '172.18.0.9', ports: [port()] };
  const { ipv4 } = rulesFor([port()], door, { ...OPTIONS, from: '20480:20735' });
  expect(ipv4.every((r) => r.includes(' --sport 20480:20735 -m addrtype --src-type LOCAL '))).toBe(true);
});

it('every rule has an end and the comment of its deploy directory', () => {
  const comments = ['/srv/a', '/srv/b'].map((state) => commentOf({ state }));
  expect(new Set(comments).size).toBe(2);
  for (const comment of comments) expect(comment).toMatch(/^whalefall-ops-hold-[0-9a-f]{16}$/);
});

it('knows the bridges that the engine leads through its proxy', () => {
  expect(bridgesIn(['-N DOCKER', '-A DOCKER -i br-1 -j RETURN', '-A DOCKER ! -i br-1 -p tcp -j DNAT'])).toEqual([
    'br-1',
  ]);
});
