import { expect, it } from 'vitest';
import { createFrom, type Definition, definitionOf, withVolumesOf } from '../../../../lib/tools/docker/definition.ts';
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

const containerWith = (volumes: object, Mounts: Definition['HostConfig']['Mounts'], mounted: readonly object[] = []) =>
  ({
    ...{ Id: 'abc', Name: '/shop_app', Image: 'sha256:1', NetworkSettings: { Networks: {} } },
    Config: { Image: 'shop', Volumes: volumes },
    HostConfig: { NetworkMode: 'front', Binds: ['shop_media:/media:rw'], Mounts },
    Mounts: mounted,
  }) as Definition;

it('goes on using the former container’s volumes that nobody named: of the image, and of the compose file', () => {
  const volume = (Name: string, Destination: string) => ({ Type: 'volume', Name, Destination, RW: true });
  const former = containerWith({}, null, [
    volume('1a', '/app/instance'),
    volume('2b', '/cache'),
    { ...volume('3c', '/assets'), RW: false },
    volume('shop_media', '/media'),
    volume('shop_old', '/named'),
    { Type: 'tmpfs', Destination: '/scratch', RW: true },
  ]);
  const next = containerWith({ '/assets': {}, '/cache': {}, '/media': {}, '/new': {} }, [
    { Type: 'volume', Target: '/app/instance/', VolumeOptions: {} },
    { Type: 'volume', Target: '/named', Source: 'shop_new' },
    { Type: 'volume', Target: '/other' },
    { Type: 'tmpfs', Target: '/scratch' },
  ]);
  expect(withVolumesOf(next, former).HostConfig.Mounts).toEqual([
    { Type: 'volume', Target: '/app/instance/', VolumeOptions: {}, Source: '1a' },
    { Type: 'volume', Target: '/named', Source: 'shop_new' },
    { Type: 'volume', Target: '/other' },
    { Type: 'tmpfs', Target: '/scratch' },
    { Type: 'volume', Source: '3c', Target: '/assets', ReadOnly: true },
    { Type: 'volume', Source: '2b', Target: '/cache' },
  ]);
});
