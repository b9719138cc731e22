import type { ExistingVolume } from '../../lib/domain/stack/containers.ts';
import type { DatabaseFacts, Facts } from '../../lib/domain/stack/deployment.ts';
import type { ServiceRole } from '../../lib/domain/stack/stack.ts';
import type { Container } from '../../lib/tools/docker/containers.ts';
import type { DataIdentity } from '../../lib/tools/postgres/identity.ts';

const directoryOf = (role: ServiceRole) =>
  ({ postgres: '/var/lib/postgresql/data', redis: '/data', app: '/app' })[role];

export const container = (role: ServiceRole, more: Partial<Container> = {}): Container => ({
  id: `${role}-id-0123456789abcdef`,
  name: `shop_${role}`,
  imageId: `sha256:${role}`,
  state: 'running',
  health: 'healthy',
  restartCount: 0,
  startedAt: '2026-01-01T00:00:00Z',
  lastedMs: 3_600_000,
  stopSeconds: 0,
  configHash: 'hash',
  addresses: { shop_net: '172.18.0.2' },
  ports: [],
  mounts: role === 'app' ? [] : [{ kind: 'volume', source: `shop_${role}_data`, target: directoryOf(role) }],
  dataDirectory: directoryOf(role),
  ...more,
});

export const volume = (role: ServiceRole, more: Partial<ExistingVolume> = {}): ExistingVolume => ({
  key: `${role}_data`,
  name: `shop_${role}_data`,
  external: false,
  role,
  mountPoint: directoryOf(role),
  holdsData: true,
  createdAt: '2026-01-02T03:04:05Z',
  project: 'shop',
  filesStay: false,
  holder: `${role}-id-0123456789abcdef`,
  usedByOthers: [],
  ...more,
});

const service = (key: string, image: string) => ({
  key,
  image,
  replicas: 1,
  networkMode: '',
  ports: [],
  environment: {},
  fromFiles: [],
  supplied: [],
  composeOnly: [],
  mounts: [],
  command: [],
  starts: [],
  user: '',
  workingDir: '',
  build: undefined,
});

/** What a server with two databases would say of itself. */
export const identity: DataIdentity = {
  systemIdentifier: '7713217104816615457',
  written: '27354864',
  dataDirectory: '/var/lib/postgresql/data',
  major: '15',
  databases: [
    { name: 'postgres', oid: 5, bytes: 7_000_000 },
    { name: 'shop', oid: 16_384, bytes: 12_000_000 },
  ],
  tables: [
    { name: 'public.notes', hasRows: true },
    { name: 'public.tags', hasRows: false },
  ],
};

export const runningDatabase: Extract<DatabaseFacts, { kind: 'running' }> = {
  kind: 'running',
  bytes: 12_000_000,
  tables: 3,
  largest: [],
  revision: '20251231120100',
  remoteTrust: 0,
  identity,
  empty: false,
};

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
      warnings: [],
      others: [],
      networks: ['shop_net'],
    },
    containers: { postgres: container('postgres'), redis: container('redis'), app: container('app') },
    volumes: [volume('postgres'), volume('redis')],
    database: runningDatabase,
    data: { homes: [], nextMajor: '15', nextData: undefined, unknown: [] },
    collation: [],
    detached: [],
    redisKeys: undefined,
    fresh: false,
    app: {
      userdataBytes: 1000,
      commit: undefined,
      running: undefined,
      released: undefined,
      serving: true,
      served: undefined,
      programs: [],
      holdsState: false,
      image: 'named',
    },
    unusablePorts: [],
    brokenBinds: [],
    login: 'yes',
    midway: [],
    exposedPorts: [],
    freeBytes: 1e11,
    milliseconds: 500,
    storesCurrent: true,
    storesOutdated: [],
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
    fresh: true,
    app: undefined,
    storesCurrent: false,
  });
