import { targetFor } from '../../lib/core/target.ts';
import { same } from '../../lib/core/text.ts';
import type { Vitals } from '../../lib/domain/app/vitals.ts';
import type { ServiceRole } from '../../lib/domain/stack/stack.ts';
import type { Asked, ContainerFacts, Value } from '../../lib/flows/doctor/facts.ts';
import type { Facts } from '../../lib/flows/doctor/gather.ts';
import type { UsedCollation } from '../../lib/tools/postgres/collation.ts';
import type { ServerCondition } from '../../lib/tools/postgres/condition.ts';
import { container, facts as rebuildFacts } from './facts.ts';
import { scheduler, web } from './update-facts.ts';

/** Valid for site.example and *.wild.example, from 2026-11-28 to 2027-11-28. Its key is nowhere. */
export const PEM = `-----BEGIN CERTIFICATE-----
MIIBrTCCAVKgAwIBAgIUBHUyCNctR9mco5BLwhjzTkspaWkwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMc2l0ZS5leGFtcGxlMB4XDTI2MTEyODE4MDQzNloXDTI3MTEy
ODE4MDQzNlowFzEVMBMGA1UEAwwMc2l0ZS5leGFtcGxlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAECiCoNxhpvjTIdeP2VSo1MlqKtAWItPQMVE61bm+X3aXZ6L7T
hY+yq20X2XgwMRbVC9Klete8FDhYuEfybKEw+6N8MHowHQYDVR0OBBYEFCkdwpXz
2dy/yGz3G8i4H70daOKLMB8GA1UdIwQYMBaAFCkdwpXz2dy/yGz3G8i4H70daOKL
MA8GA1UdEwEB/wQFMAMBAf8wJwYDVR0RBCAwHoIMc2l0ZS5leGFtcGxlgg4qLndp
bGQuZXhhbXBsZTAKBggqhkjOPQQDAgNJADBGAiEAox+f4KHE0Z6GrX0fRo+U8zpJ
3kmRocSSHoKhYMESacsCIQCE7AO0j3TEu/Ixl215Xh+G0wR01hpxeJA6NlaN5+Bm
eQ==
-----END CERTIFICATE-----
`;

/** The moment of all facts: seconds, and milliseconds. */
export const NOW = Date.parse('2027-01-02T03:04:05Z');
const SECOND = NOW / 1000;
export const DAY = 86_400_000;

const COMMIT = 'c0ffee'.padEnd(40, '0');

const known = <T>(value: T): Asked<T> => ({ known: true, value });

export const notKnown: Asked<never> = { known: false, why: { en: 'nobody could ask', zh: '无法询问' } };

/** One of the three, running since yesterday. */
export const sound = (role: ServiceRole, more: Partial<ContainerFacts> = {}): ContainerFacts => ({
  ...container(role),
  image: `shop/${role}:prod`,
  wantedImageId: container(role).imageId,
  startedAt: new Date(NOW - DAY).toISOString(),
  exitCode: 0,
  error: '',
  oomKilled: false,
  restartPolicy: 'unless-stopped',
  logLimited: true,
  logPath: '',
  checks: [{ exitCode: 0, said: '' }],
  binds: {},
  ...more,
});

export const vitals = (more: Partial<Vitals> = {}): Vitals => ({
  nginx: {
    ok: true,
    said: '',
    certificates: [{ path: '/etc/nginx/ssl/cert.pem', pem: PEM }],
    names: ['site.example', 'a.wild.example', '_'],
    changed: SECOND - 90_000,
    read: SECOND - 80_000,
  },
  queues: [{ port: 5001, waiting: 0 }],
  memory: { kills: 0, limit: null, used: 1e8 },
  mounts: [{ path: '/app/.env', inode: 1, device: 1 }],
  gunicorn_log: { timeouts: 0, killed: 0, replaced: 3, failed: 0 },
  unreadable: { count: 0, some: [] },
  pages: { index: true, changed: SECOND - 1000 },
  asked: [
    { port: 80, path: '/', status: 200 },
    { port: 5001, path: '/', status: 200 },
  ],
  bytecode: { count: 0, some: [] },
  files: { pid: 27, open: 40, limit: 1024 },
  now: SECOND,
  started: SECOND - 86_400,
  ...more,
});

export const condition = (more: Partial<ServerCondition> = {}): ServerCondition => ({
  version: 150_006,
  recovery: false,
  connections: { max: 100, used: 10, by: [{ who: 'shop idle', count: 9 }] },
  held: [],
  prepared: { count: 0, oldest: 0 },
  slots: [],
  age: 5_000_000,
  invalidIndexes: [],
  collation: [],
  autovacuum: true,
  behind: [],
  checksumFailures: 0,
  databases: [{ name: 'shop', oid: 16_384, bytes: 5e8 }],
  settingErrors: [],
  pendingRestart: [],
  withoutPartition: [],
  largest: [{ table: 'public.log', bytes: 5e9, rows: 1_400_000 }],
  ...more,
});

export const collation = (more: Partial<UsedCollation> = {}): UsedCollation => ({
  database: 'shop',
  collation: 'public.german',
  provider: 'i',
  version: '153.120',
  now: '153.120',
  indexes: ['public.names_key'],
  ...more,
});

const served = (start: number) => ({ pid: 31, start, state: 'serving' as const });
export const workers = (starts: readonly number[], uptime = 100_000) => ({
  master: 99,
  workers: starts.map(served),
  uptime,
  before: 99,
  old: [],
});

type Values = { readonly [G in keyof Facts]: Value<Facts[G]> };

/** Of a stack on which nothing is wrong. */
function values(): Values {
  const made = rebuildFacts().stack;
  const { postgres } = made.services;
  const named = { ...postgres, environment: { POSTGRES_DB: 'shop', POSTGRES_USER: 'shop' } };
  const stack = { ...made, services: { ...made.services, postgres: named } };
  const target = targetFor('/srv/shop');
  const login = { asked: true, ok: true, said: '', recovery: false, readOnly: false };
  return {
    at: { now: NOW, target },
    engine: { version: '28.5.1', compose: '2.40.3', elsewhere: undefined },
    stack,
    containers: { app: sound('app'), postgres: sound('postgres'), redis: sound('redis') },
    owners: { others: [], moved: [], otherFiles: [], renamed: [], count: 3 },
    replicas: {},
    networks: [],
    binds: [],
    mounts: [{ source: '/srv/shop/.env', target: '/app/.env', state: 'same' }],
    ports: [{ role: 'app', target: 80, published: 80, hostIp: '0.0.0.0', protocol: 'tcp', open: true }],
    health: { healthy: true, checks: [] },
    routes: { found: [{ path: '/', fault: undefined }], unwatched: undefined },
    served: [],
    programs: [
      { ...web, start: 100 },
      { ...scheduler, start: 101, workers: [{ pid: 30, start: 101 }] },
    ],
    workers: [
      { program: web.name, workers: workers([100, 600]) },
      { program: scheduler.name, workers: workers([101]) },
    ],
    vitals: vitals(),
    site: { ok: true, said: '', included: true },
    logins: { database: { now: login, next: login }, redis: { now: login, next: login } },
    env: { kind: 'present', values: {}, mode: 0o600, findings: [], problems: [], comparedWithCompose: [] },
    drift: [],
    example: { missing: [], unchanged: [], placeholders: [], weak: [] },
    checkout: { commit: COMMIT, subject: 'First', changed: ['?? notes.txt'] },
    running: { commit: COMMIT, nearest: { commit: COMMIT, differs: 0 }, marked: COMMIT },
    schema: { revision: '2', head: '2', known: true },
    frontend: { changed: SECOND - 5000, current: undefined },
    postgres: condition(),
    collations: [collation()],
    sequences: [{ name: 'public.small', share: 0.55 }],
    hba: {
      file: '/data/pg_hba.conf',
      dataDirectory: '/data',
      unreadable: false,
      rules: [],
      errors: [],
      remoteTrust: [],
    },
    wire: 'scram',
    redis: {
      redis_version: '7.0.15',
      role: 'master',
      used_memory: '1000',
      maxmemory: '0',
      evicted_keys: '0',
      aof_last_write_status: 'ok',
    },
    host: {
      disks: [{ path: '/', size: 1e11, free: 5e10, inodes: 1000, freeInodes: 900 }],
      memory: { total: 8e9, available: 4e9 },
      load: 0.5,
      cpus: 4,
      owner: { uid: 1000, mine: true, openToOthers: false },
      logs: [],
      fills: [],
      clockSynchronised: true,
    },
    exposed: [],
    ours: {
      newest: { name: 'b', at: NOW - DAY / 2, level: 'restored', failed: false },
      restored: { name: 'b', at: NOW - DAY / 2 },
      damaged: [],
      leftovers: [],
      exported: true,
      drill: {
        version: 1,
        at: new Date(NOW - 10 * DAY).toISOString(),
        run: 'r',
        backup: 'b',
        commit: null,
        outcome: 'recovered',
        failed: null,
        dataAge: null,
        databaseBytes: null,
        took: { recover: 60_000, restore: null, migrate: null, boot: 5_000 },
        migrations: null,
        longestLock: null,
        cpus: 2,
      },
      unfinished: undefined,
      failedBackups: 0,
      remains: [],
      alerts: { configured: true, unreached: [] },
      watched: [{ what: 'backup', hours: 26, success: NOW - DAY }],
      former: { at: NOW - 20 * DAY, rows: { 'public.log': 1_000_000 } },
      heldRules: false,
      sizes: [],
    },
  };
}

/** Facts of a sound stack with some of them otherwise; `undefined` for what could not be asked. */
export function doctorFacts(other: { readonly [G in keyof Facts]?: Value<Facts[G]> | undefined } = {}): Facts {
  const all = Object.entries({ ...values(), ...other }).map(([group, value]) => [
    group,
    value === undefined && group !== 'site' ? notKnown : known(value),
  ]);
  return Object.fromEntries(all) as Facts;
}

export const said = same;
