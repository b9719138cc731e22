import type { Facts } from '../../lib/rebuild/facts.ts';
import type { ExistingVolume } from '../../lib/target/containers.ts';
import type { Container, ServiceRole } from '../../lib/target/stack.ts';

export const container = (role: ServiceRole, more: Partial<Container> = {}): Container => ({
  id: `${role}-id-0123456789abcdef`,
  name: `shop_${role}`,
  imageId: `sha256:${role}`,
  state: 'running',
  health: 'healthy',
  restartCount: 0,
  configHash: 'hash',
  addresses: { shop_net: '172.18.0.2' },
  ports: [],
  ...more,
});

export const volume = (role: ServiceRole, more: Partial<ExistingVolume> = {}): ExistingVolume => ({
  key: `${role}_data`,
  name: `shop_${role}_data`,
  external: false,
  role,
  mountPoint: role === 'postgres' ? '/var/lib/postgresql/data' : '/data',
  createdAt: '2026-01-02T03:04:05Z',
  project: 'shop',
  holder: `${role}-id-0123456789abcdef`,
  usedByOthers: [],
  ...more,
});

const service = (key: string, image: string) => ({ key, image, ports: [], environment: {}, build: undefined });

/** A healthy production stack with data, as a survey would find it. */
export function facts(more: Partial<Facts> = {}): Facts {
  return {
    engine: '20.10.24',
    compose: '2.26.1',
    checkout: { commit: 'c0ffee'.padEnd(40, '0'), subject: 'A release', changed: [] },
    env: 'present',
    stack: {
      project: 'shop',
      services: {
        postgres: service('postgres', 'postgres:15-alpine'),
        redis: service('redis', 'redis:7-alpine'),
        app: service('whalefall', 'whalefall:prod'),
      },
      volumes: [],
      networks: ['shop_net'],
    },
    containers: { postgres: container('postgres'), redis: container('redis'), app: container('app') },
    volumes: [volume('postgres'), volume('redis')],
    database: {
      kind: 'running',
      bytes: 12_000_000,
      tables: 3,
      largest: [],
      revision: '20251231120100',
      remoteTrust: 0,
    },
    app: { userdataBytes: 1000, commit: undefined, serving: true, holdsState: false },
    takenPorts: [],
    exposedPorts: [],
    freeBytes: 1e11,
    milliseconds: 500,
    storesCurrent: true,
    ...more,
  };
}

/** What a survey finds on a machine where nothing was ever deployed. */
export const nothingYet = (): Facts =>
  facts({
    env: 'created',
    containers: {},
    volumes: [],
    database: { kind: 'none' },
    app: undefined,
    storesCurrent: false,
  });
