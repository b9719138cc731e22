import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import type { BindProblem } from '../../../../lib/core/ops.ts';
import { thisProcess } from '../../../../lib/core/world.ts';
import { findUnusablePorts } from '../../../../lib/domain/stack/ports.ts';
import type { PublishedPort } from '../../../../lib/tools/docker/containers.ts';
import { container, facts } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

const port = (hostIp: string, published = 8080, protocol: 'tcp' | 'udp' = 'tcp'): PublishedPort => ({
  target: 80,
  published,
  hostIp,
  protocol,
});

/** On a machine where binds fail as said; the addresses and ports of our own container are among them, as they really are. */
async function found(
  wanted: readonly PublishedPort[],
  ours: readonly PublishedPort[],
  fails: Record<string, BindProblem>,
) {
  const { net, ...ops } = testOps(() => undefined);
  const { stack } = facts();
  const app = { ...stack.services.app, ports: wanted };
  const problems = await findUnusablePorts(
    {
      ...ops,
      net: {
        ...net,
        addresses: () => ['127.0.0.1', '10.0.0.5', '::1'],
        tryBind: async ({ host, port: number, protocol }) => fails[`${host} ${number} ${protocol}`],
      },
    },
    { ...stack, services: { ...stack.services, app } },
    [container('app', { ports: ours })],
  );
  return problems.map((p) => `${p.port.hostIp} ${p.why}`);
}

it.each<[string, PublishedPort[], PublishedPort[], Record<string, BindProblem>, string[]]>([
  ['a free one', [port('0.0.0.0')], [], {}, []],
  ['one that a stranger has', [port('0.0.0.0')], [], { '0.0.0.0 8080 tcp': 'taken' }, ['0.0.0.0 taken']],
  ['our own', [port('0.0.0.0')], [port('0.0.0.0')], { '0.0.0.0 8080 tcp': 'taken' }, []],
  ['our own on IPv6', [port('::1')], [port('::1')], { '::1 8080 tcp': 'taken' }, []],
  [
    'our own number on another protocol',
    [port('0.0.0.0', 8080, 'udp')],
    [port('0.0.0.0')],
    { '0.0.0.0 8080 udp': 'taken' },
    ['0.0.0.0 taken'],
  ],
  [
    'an address that is not there',
    [port('10.9.9.9')],
    [],
    { '10.9.9.9 8080 tcp': 'no-address' },
    ['10.9.9.9 no-address'],
  ],
  [
    'an address that is not there, on our own port',
    [port('10.9.9.9')],
    [port('0.0.0.0')],
    { '10.9.9.9 8080 tcp': 'no-address' },
    ['10.9.9.9 no-address'],
  ],
  ['less than what is ours', [port('127.0.0.1')], [port('0.0.0.0')], { '127.0.0.1 8080 tcp': 'taken' }, []],
  ['more than what is ours', [port('0.0.0.0')], [port('127.0.0.1')], { '0.0.0.0 8080 tcp': 'taken' }, []],
  [
    'more than what is ours, where a stranger has the rest',
    [port('0.0.0.0')],
    [port('127.0.0.1')],
    { '0.0.0.0 8080 tcp': 'taken', '10.0.0.5 8080 tcp': 'taken' },
    ['0.0.0.0 taken'],
  ],
  [
    'beside a stranger on the address of ours',
    [port('10.0.0.5')],
    [port('127.0.0.1')],
    { '10.0.0.5 8080 tcp': 'taken' },
    ['10.0.0.5 taken'],
  ],
  [
    'one that this process may not have, but the engine may',
    [port('0.0.0.0', 80)],
    [],
    { '0.0.0.0 80 tcp': 'unknown' },
    [],
  ],
  ['one twice', [port('0.0.0.0'), port('127.0.0.1')], [], {}, ['127.0.0.1 twice']],
  ['the same number on two addresses', [port('10.0.0.5'), port('127.0.0.1')], [], {}, []],
])('%s', async (_what, wanted, ours, fails, expected) => {
  expect(await found(wanted, ours, fails)).toEqual(expected);
});

it('is said by the kernel, without an error', async () => {
  const { net } = thisProcess();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: number } = server.address() as { port: number };
  const bind = (host: string, protocol: 'tcp' | 'udp') => net.tryBind({ host, port: number, protocol });
  expect(await bind('127.0.0.1', 'tcp')).toBe('taken');
  expect(await bind('127.0.0.1', 'udp')).toBeUndefined();
  expect(await bind('192.0.2.1', 'tcp')).toBe('no-address');
  expect(await bind('2001:db8::1', 'udp')).toBe('no-address');
  server.close();
});
