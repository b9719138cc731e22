import { expect, it } from 'vitest';
import { createFrom, definitionOf } from '../../../../lib/tools/docker/definition.ts';
import { testOps } from '../../../support/ops.ts';

const described = (status: string) => ({
  Id: 'abc',
  Name: '/shop_app',
  Image: 'sha256:1',
  State: { Status: status },
  Config: { Image: 'shop' },
  HostConfig: { NetworkMode: 'front' },
  Mounts: [],
  NetworkSettings: {
    Networks: {
      back: {
        Aliases: ['app'],
        IPAMConfig: { IPv4Address: '172.30.0.5', IPv6Address: 'fd00::5' },
        DriverOpts: { 'com.docker.network.endpoint.ifname': 'back0' },
        Links: ['shop_redis:cache'],
        MacAddress: '02:42:ac:1e:00:05',
        GwPriority: 10,
        IPAddress: '172.30.0.5',
      },
      front: { Aliases: ['app'], MacAddress: '02:42:ac:1f:00:05', GwPriority: 0 },
    },
  },
});

/** Makes one like it. @returns what the engine was told of its networks. */
async function remade(status: string) {
  const told: unknown[] = [];
  const ops = testOps((call) => {
    const { argv, input } = call;
    const url = String(argv.find((word) => word.startsWith('http://')));
    if (argv[0] === 'docker') return { stdout: 'default\tunix:///var/run/docker.sock' };
    if (url.endsWith('/json')) return { stdout: `${JSON.stringify(described(status))}\n200` };
    const body = JSON.parse(String(input));
    told.push(url.endsWith('/connect') ? [url, body] : body.NetworkingConfig.EndpointsConfig);
    return { stdout: url.endsWith('/connect') ? '200' : '{"Id":"def"}\n201' };
  });
  expect(await createFrom(ops, await definitionOf(ops, 'abc'), 'shop_app-next')).toBe('def');
  return told;
}

const BACK = {
  Aliases: ['app'],
  IPAMConfig: { IPv4Address: '172.30.0.5', IPv6Address: 'fd00::5' },
  DriverOpts: { 'com.docker.network.endpoint.ifname': 'back0' },
  Links: ['shop_redis:cache'],
  GwPriority: 10,
};

it('gives each network of a container all that was chosen for it', async () => {
  expect(await remade('created')).toEqual([
    { front: { Aliases: ['app'], MacAddress: '02:42:ac:1f:00:05' } },
    [
      'http://localhost/networks/back/connect',
      { Container: 'def', EndpointConfig: { ...BACK, MacAddress: '02:42:ac:1e:00:05' } },
    ],
  ]);
});

it('does not pin a hardware address that the engine may have given', async () => {
  expect(await remade('running')).toEqual([
    { front: { Aliases: ['app'] } },
    ['http://localhost/networks/back/connect', { Container: 'def', EndpointConfig: BACK }],
  ]);
});
