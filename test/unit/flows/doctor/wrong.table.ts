import type { Value } from '../../../../lib/flows/doctor/facts.ts';
import type { Facts } from '../../../../lib/flows/doctor/gather.ts';
import {
  collation,
  condition,
  DAY,
  doctorFacts,
  NOW,
  said,
  sound,
  vitals,
  workers,
} from '../../../support/doctor-facts.ts';
import { scheduler, web } from '../../../support/update-facts.ts';

type Changes = Parameters<typeof doctorFacts>[0];

const base = doctorFacts();
const of = <G extends keyof Facts>(group: G): Value<Facts[G]> => {
  const one = base[group];
  if (!one.known) throw new Error(group);
  return one.value as Value<Facts[G]>;
};
const only = (role: 'app' | 'postgres' | 'redis', more: Parameters<typeof sound>[1]): Changes => ({
  containers: { ...of('containers'), [role]: sound(role, more) },
});
const nginx = (more: object): Changes => ({
  vitals: vitals({ nginx: { ...(vitals().nginx as object), ...more } as never }),
});
const host = (more: Partial<Value<Facts['host']>>): Changes => ({ host: { ...of('host'), ...more } });
const our = (more: Partial<Value<Facts['ours']>>): Changes => ({ ours: { ...of('ours'), ...more } });
const pg = (more: Parameters<typeof condition>[0]): Changes => ({ postgres: condition(more) });
const env = (more: object): Changes => ({ env: { ...of('env'), ...more } as Value<Facts['env']> });
const refused = { asked: true, ok: false, said: 'FATAL: password authentication failed' };
const good = { asked: true, ok: true, said: '' };
const both = (now: object, next: object) => ({ now: { ...good, ...now }, next: { ...good, ...next } });
const at = (days: number): Changes => ({ at: { ...of('at'), now: Date.parse('2027-11-28T18:04:36Z') + days * DAY } });
const basic = (name: 'basic' | 'deep'): Changes => ({
  health: {
    healthy: false,
    checks: [{ name, url: 'http://h', healthy: false, outcome: 'unhealthy', text: said('no'), milliseconds: 3 }],
  },
});
const made = (name: string) => ({ id: 'x', name, project: 'shop', dir: '/elsewhere', files: [] });
const held = { pid: 7, by: 'psql', state: 'active', seconds: 60, waiting: 3 };
const cannotAsk = undefined;

/** Of each check, what makes it wrong and how badly. */
export const WRONG: Readonly<Record<string, readonly (readonly [level: 'WARN' | 'FAIL', facts: Changes])[]>> = {
  'engine.answers': [['FAIL', { engine: cannotAsk }]],
  'engine.local': [['FAIL', { engine: { ...of('engine'), elsewhere: 'ssh://other' } }]],
  'engine.version': [
    ['FAIL', { engine: { ...of('engine'), compose: undefined } }],
    ['WARN', { engine: { ...of('engine'), version: '19.3.1' } }],
    ['WARN', { engine: { ...of('engine'), compose: '2.16.9' } }],
  ],
  'stack.config': [['FAIL', { stack: cannotAsk }]],
  'stack.owner': [
    ['FAIL', { owners: { ...of('owners'), others: [made('c')] } }],
    ['WARN', { owners: { ...of('owners'), renamed: [made('c')] } }],
    ['FAIL', { owners: { ...of('owners'), renamed: [made('c')], count: 0 } }],
  ],
  'container.app': [
    ['FAIL', only('app', { state: 'exited', exitCode: 1 })],
    ['FAIL', only('app', { state: 'exited', moved: { run: 'r', what: 'migrating', backup: '/b' } })],
    ['FAIL', only('app', { state: 'paused' })],
    ['FAIL', { replicas: { app: { text: said('two'), fix: said('one') } } }],
    ['FAIL', { containers: {} }],
  ],
  'container.postgres': [['FAIL', only('postgres', { state: 'restarting' })]],
  'container.redis': [['FAIL', only('redis', { state: 'dead', oomKilled: true })]],
  'container.restarts': [
    ['WARN', only('app', { restartCount: 4 })],
    ['FAIL', only('app', { restartCount: 4, startedAt: new Date(NOW - 60_000).toISOString() })],
  ],
  'container.health': [
    // It serves by now.
    ['WARN', only('app', { health: 'unhealthy' })],
    ['FAIL', only('postgres', { health: 'unhealthy', checks: [{ exitCode: 22, said: '502' }] })],
  ],
  'container.restart-policy': [
    ['FAIL', only('redis', { restartPolicy: 'no' })],
    ['FAIL', only('app', { restartPolicy: 'on-failure' })],
  ],
  'container.mounts': [
    ['FAIL', { binds: [{ service: 'whalefall', source: '/s', target: '/t', why: 'gone' }] }],
    ['FAIL', { binds: [{ service: 'whalefall', source: '/s', target: '/t', why: 'directory' }] }],
  ],
  'container.stale-mount': [['WARN', { mounts: [{ source: '/s', target: '/t', state: 'old' }] }]],
  'container.networks': [['WARN', { networks: [{ name: 'shop_default', differs: ['driver_opts mtu'] }] }]],
  'container.image': [
    ['WARN', only('app', { wantedImageId: 'sha256:other' })],
    ['FAIL', only('app', { wantedImageId: undefined })],
  ],
  'app.inside': [
    ['FAIL', { vitals: cannotAsk }],
    ['FAIL', { programs: cannotAsk }],
  ],
  'supervisor.programs': [
    ['FAIL', { programs: [{ ...web, state: 'FATAL', pid: 0 }, scheduler] }],
    ['WARN', { programs: [{ ...web, state: 'STARTING' }, scheduler] }],
  ],
  'supervisor.flapping': [['WARN', { programs: [{ ...web, start: 99_970 }, scheduler] }]],
  'gunicorn.web': [['FAIL', { programs: [scheduler] }]],
  'gunicorn.workers': [
    [
      'FAIL',
      {
        workers: [
          { program: 'w', workers: { ...workers([100]), workers: [{ pid: 1, start: 99_000, state: 'booting' }] } },
        ],
      },
    ],
    [
      'WARN',
      {
        workers: [
          {
            program: 'w',
            workers: {
              ...workers([100]),
              workers: [...workers([100]).workers, { pid: 1, start: 99_000, state: 'booting' }],
            },
          },
        ],
      },
    ],
    [
      'WARN',
      {
        workers: [
          {
            program: 'w',
            workers: { ...workers([100]), workers: [...workers([100]).workers, { pid: 1, start: 100, state: 'hung' }] },
          },
        ],
      },
    ],
  ],
  'gunicorn.queue': [['FAIL', { vitals: vitals({ queues: [{ port: 5001, waiting: 9 }] }) }]],
  'gunicorn.timeouts': [
    ['WARN', { vitals: vitals({ gunicorn_log: { timeouts: 1, killed: 0, replaced: 0, failed: 0 } }) }],
  ],
  'gunicorn.recycling': [
    [
      'WARN',
      {
        programs: [
          { ...web, settings: { preload_app: false, max_requests: 1000, max_requests_jitter: 50 } },
          scheduler,
        ],
        workers: [{ program: web.name, workers: workers([100, 101]) }],
      },
    ],
  ],
  'gunicorn.leaving': [
    [
      'WARN',
      {
        programs: [
          { ...web, gunicorn: '23.0.0', settings: { max_requests: 1000, worker_class: 'gthread' } },
          scheduler,
        ],
      },
    ],
  ],
  'scheduler.one': [
    ['FAIL', { programs: [web, { ...scheduler, scheduler: '' }] }],
    ['FAIL', { programs: [web, scheduler, { ...scheduler, name: 'second' }] }],
    [
      'FAIL',
      {
        programs: [
          web,
          {
            ...scheduler,
            workers: [
              { pid: 1, start: 1 },
              { pid: 2, start: 1 },
            ],
          },
        ],
      },
    ],
  ],
  'nginx.answers': [
    ['FAIL', { vitals: vitals({ asked: [{ port: 80, path: '/', status: 502 }] }) }],
    ['FAIL', { vitals: vitals({ asked: [{ port: 80, path: '/', status: 0 }] }) }],
  ],
  'ports.app': [
    ['FAIL', { ports: [{ role: 'app', target: 80, published: 80, hostIp: '', protocol: 'tcp', open: false }] }],
  ],
  'health.basic': [['FAIL', basic('basic')]],
  'health.deep': [['FAIL', basic('deep')]],
  'routes.served': [['FAIL', { routes: { found: [{ path: '/', fault: said('403') }], unwatched: undefined } }]],
  'routes.known': [['WARN', { routes: { found: [], unwatched: said('/dark/') } }]],
  'release.bytecode': [['WARN', { vitals: vitals({ bytecode: { count: 1, some: ['/app/gone.pyc'] } }) }]],
  'app.unreadable': [['FAIL', { vitals: vitals({ unreadable: { count: 2, some: ['/app/x'] } }) }]],
  'app.memory': [
    ['WARN', { vitals: vitals({ memory: { kills: 1, limit: null, used: 1 } }) }],
    ['WARN', { vitals: vitals({ memory: { kills: 0, limit: 100, used: 99 } }) }],
  ],
  'app.open-files': [
    ['WARN', { vitals: vitals({ files: { pid: 1, open: 85, limit: 100 } }) }],
    ['FAIL', { vitals: vitals({ files: { pid: 1, open: 99, limit: 100 } }) }],
  ],
  'nginx.config': [['FAIL', nginx({ ok: false, said: '[emerg] unknown directive' })]],
  'nginx.next-start': [
    ['FAIL', { site: { ok: false, said: 'nginx: [warn] http2\nnginx: [emerg] unknown', included: true } }],
  ],
  'nginx.stale': [['WARN', nginx({ changed: NOW / 1000 - 5, read: NOW / 1000 - 600 })]],
  'tls.certificate': [
    ['WARN', at(-5)],
    ['FAIL', at(3)],
    ['FAIL', { at: { ...of('at'), now: Date.parse('2026-11-01T00:00:00Z') } }],
  ],
  'tls.names': [
    ['WARN', nginx({ names: ['other.example'] })],
    ['WARN', nginx({ names: ['b.a.wild.example'] })],
  ],
  'tls.served': [
    ['WARN', { served: [{ fingerprint: 'AA', validFrom: NOW - DAY, validTo: NOW + 99 * DAY, names: [], port: 443 }] }],
  ],
  'release.schema': [
    ['FAIL', { schema: { revision: '1', head: '2', known: true } }],
    ['FAIL', { schema: { revision: '9', head: '2', known: false } }],
    ['FAIL', { schema: { revision: undefined, head: '2', known: false } }],
  ],
  'release.by-hand': [
    ['WARN', { running: { commit: undefined, nearest: { commit: 'abc', differs: 2 }, marked: 'abc' } }],
  ],
  'release.git': [['WARN', { running: { commit: 'other', nearest: undefined, marked: undefined } }]],
  'release.checkout': [['WARN', { checkout: { ...of('checkout'), changed: [' M app.py'] } }]],
  'release.frontend': [
    ['WARN', { frontend: { changed: NOW / 1000, current: undefined } }],
    ['WARN', { frontend: { changed: 0, current: false } }],
    ['FAIL', { vitals: vitals({ pages: { index: false, changed: null } }) }],
  ],
  'env.readable': [
    ['FAIL', { env: { kind: 'absent' } }],
    ['FAIL', { env: { kind: 'unreadable', why: said('EISDIR') } }],
    ['FAIL', env({ findings: [{ variable: 'A', line: 2, cause: said('executes'), severity: 'error' }] })],
    ['WARN', env({ findings: [{ variable: '', line: 0, cause: said('chmod 600 .env'), severity: 'warning' }] })],
  ],
  'env.rules': [['FAIL', env({ problems: [{ variable: 'A', rule: said('must') }] })]],
  'env.drift': [['WARN', { drift: [{ name: 'A', container: 'differs', process: 'differs' }] }]],
  'env.example': [['WARN', { example: { missing: ['A'], unchanged: [], placeholders: [], weak: [] } }]],
  'env.secrets': [
    ['FAIL', { example: { missing: [], unchanged: ['SECRET_KEY'], placeholders: [], weak: [] } }],
    ['WARN', { example: { missing: [], unchanged: [], placeholders: [], weak: ['SECRET_KEY'] } }],
  ],
  'postgres.answers': [['FAIL', { postgres: cannotAsk }]],
  'database.login': [['FAIL', { logins: { ...of('logins'), database: both(refused, refused) } }]],
  'database.login-next': [['FAIL', { logins: { ...of('logins'), database: both({}, refused) } }]],
  'database.writable': [
    ['FAIL', { logins: { ...of('logins'), database: both({ readOnly: true }, {}) } }],
    ['FAIL', { logins: { ...of('logins'), database: both({ recovery: true }, {}) } }],
  ],
  'database.hba': [
    ['FAIL', { hba: { ...of('hba'), errors: [{ file: 'f', line: 1, error: 'x' }] } }],
    ['FAIL', { hba: { ...of('hba'), unreadable: true } }],
  ],
  'database.trust': [
    ['FAIL', { wire: 'trust' }],
    [
      'FAIL',
      {
        hba: {
          ...of('hba'),
          remoteTrust: [
            {
              file: 'f',
              line: 1,
              type: 'host',
              database: ['all'],
              user: ['all'],
              address: 'all',
              netmask: undefined,
              method: 'trust',
            },
          ],
        },
      },
    ],
  ],
  'database.settings': [['FAIL', pg({ settingErrors: [{ name: 'x', file: '/data/postgresql.auto.conf', line: 3 }] })]],
  'database.pending-restart': [['WARN', pg({ pendingRestart: ['max_connections'] })]],
  'database.connections': [
    ['WARN', pg({ connections: { max: 100, used: 81, by: [] } })],
    ['FAIL', pg({ connections: { max: 100, used: 96, by: [] } })],
  ],
  'database.blocked': [
    ['FAIL', pg({ held: [held] })],
    ['WARN', pg({ held: [{ ...held, seconds: 4 }] })],
  ],
  'database.long-transactions': [
    ['WARN', pg({ held: [{ ...held, waiting: 0, state: 'idle in transaction', seconds: 400 }] })],
    ['WARN', pg({ held: [{ ...held, waiting: 0, seconds: 4000 }] })],
  ],
  'database.prepared': [['WARN', pg({ prepared: { count: 1, oldest: 3600 } })]],
  'database.slots': [
    ['WARN', pg({ slots: [{ name: 's', active: false, bytes: 10 }] })],
    ['FAIL', pg({ slots: [{ name: 's', active: false, bytes: 6e9 }] })],
  ],
  'database.partitions': [['FAIL', pg({ withoutPartition: ['stats'] })]],
  'database.sequences': [
    ['WARN', { sequences: [{ name: 's', share: 0.8 }] }],
    ['FAIL', { sequences: [{ name: 's', share: 0.95 }] }],
  ],
  'database.wraparound': [
    ['WARN', pg({ age: 1_200_000_000 })],
    ['FAIL', pg({ age: 1_900_000_000 })],
  ],
  'database.invalid-indexes': [['WARN', pg({ invalidIndexes: ['i'] })]],
  'database.collation': [
    ['WARN', pg({ collation: ['shop'] })],
    ['WARN', { collations: [collation({ now: '154.1' })] }],
  ],
  'database.autovacuum': [
    ['FAIL', pg({ autovacuum: false })],
    ['WARN', pg({ behind: [{ table: 't', dead: 200_000 }] })],
  ],
  'database.checksums': [['FAIL', pg({ checksumFailures: 1 })]],
  'database.leftovers': [
    ['WARN', pg({ databases: [...condition().databases, { name: 'shop_before_20260101t000000z', oid: 9, bytes: 5 }] })],
  ],
  'redis.answers': [
    ['FAIL', { redis: cannotAsk, logins: { ...of('logins'), redis: both({ ok: false, said: 'timed out' }, {}) } }],
  ],
  'redis.login': [['FAIL', { logins: { ...of('logins'), redis: both(refused, refused) } }]],
  'redis.login-next': [['FAIL', { logins: { ...of('logins'), redis: both({}, refused) } }]],
  'redis.memory': [
    ['WARN', { redis: { ...of('redis'), used_memory: '95', maxmemory: '100', maxmemory_policy: 'allkeys-lru' } }],
    ['FAIL', { redis: { ...of('redis'), used_memory: '100', maxmemory: '100', maxmemory_policy: 'noeviction' } }],
    ['WARN', { redis: { ...of('redis'), evicted_keys: '3' } }],
  ],
  'redis.persistence': [['FAIL', { redis: { ...of('redis'), aof_last_write_status: 'err' } }]],
  'redis.writable': [['FAIL', { redis: { ...of('redis'), role: 'slave' } }]],
  'host.disk': [
    ['WARN', host({ disks: [{ path: '/', size: 1e11, free: 1e10, inodes: 0, freeInodes: 0 }] })],
    ['FAIL', host({ disks: [{ path: '/', size: 1e11, free: 3e9, inodes: 0, freeInodes: 0 }] })],
    // Half of it is free, and the database grows by ten gigabytes a day.
    [
      'WARN',
      {
        ...pg({ databases: [{ name: 'shop', oid: 1, bytes: 51e9 }] }),
        ...our({ sizes: [{ at: NOW - 5 * DAY, bytes: 1e9 }] }),
      },
    ],
  ],
  'host.inodes': [
    ['WARN', host({ disks: [{ path: '/', size: 1e11, free: 5e10, inodes: 100, freeInodes: 5 }] })],
    ['FAIL', host({ disks: [{ path: '/', size: 1e11, free: 5e10, inodes: 100, freeInodes: 1 }] })],
  ],
  'host.memory': [
    ['WARN', host({ memory: { total: 100, available: 5 } })],
    ['FAIL', host({ memory: { total: 100, available: 1 } })],
  ],
  'host.load': [['WARN', host({ load: 17 })]],
  'host.clock': [['WARN', host({ clockSynchronised: false })]],
  'host.exposed': [['WARN', { exposed: [{ target: 5432, published: 5432, hostIp: '0.0.0.0', protocol: 'tcp' }] }]],
  'host.owner': [
    ['WARN', host({ owner: { uid: 0, mine: false, openToOthers: false } })],
    ['WARN', host({ owner: { uid: 0, mine: true, openToOthers: true } })],
  ],
  'host.logs': [['WARN', host({ logs: [{ name: 'c', bytes: 2e9 }] })]],
  'backup.age': [
    ['WARN', our({ newest: undefined })],
    ['WARN', our({ newest: { name: 'b', at: NOW - 3 * DAY, level: 'restored', failed: false } })],
    ['FAIL', our({ newest: { name: 'b', at: NOW - 49 * DAY, level: 'restored', failed: false } })],
    ['WARN', our({ failedBackups: 1 })],
    ['WARN', our({ newest: { name: 'b', at: NOW + 2 * DAY, level: 'restored', failed: false } })],
  ],
  'backup.level': [
    ['WARN', our({ restored: undefined })],
    ['WARN', our({ restored: { name: 'b', at: NOW - 8 * DAY } })],
    ['FAIL', our({ newest: { name: 'b', at: NOW, level: 'none', failed: true } })],
    ['FAIL', our({ damaged: ['x'] })],
    ['FAIL', our({ damaged: ['x'], newest: undefined })],
  ],
  'backup.elsewhere': [['WARN', our({ exported: false })]],
  'drill.age': [
    ['WARN', our({ drill: undefined })],
    ['WARN', our({ drill: { ...(of('ours').drill as never as object), outcome: 'failed' } as never })],
    ['WARN', { at: { ...of('at'), now: NOW + 93 * DAY } }],
  ],
  'alerts.configured': [['WARN', our({ alerts: { configured: false, unreached: [] } })]],
  'alerts.delivery': [
    ['WARN', our({ alerts: { configured: true, unreached: [{ to: 'group', why: said('HTTP 404') }] } })],
    ['WARN', our({ alerts: { configured: true, unreached: [{ to: 'ping.backup', why: said('OK (not found)') }] } })],
  ],
  'alerts.overdue': [
    ['WARN', our({ watched: [{ what: 'backup', hours: 26, success: NOW - 27 * 3_600_000 }] })],
    ['WARN', our({ watched: [{ what: 'drill', hours: 200, success: undefined }] })],
  ],
  'hold.rules': [['WARN', our({ heldRules: true })]],
  'database.growth': [
    ['WARN', pg({ largest: [{ table: 'public.log', bytes: 5e9, rows: 1_600_000 }] })],
    ['WARN', { ...pg({}), ...our({ former: { at: NOW - 2 * DAY, rows: { 'public.log': 200_000 } } }) }],
  ],
  'runs.unfinished': [['FAIL', our({ unfinished: { name: '20260101T000000Z-update-prod-flask', ways: ['resume'] } })]],
  'runs.leftovers': [
    ['WARN', our({ leftovers: ['b.partial'] })],
    ['WARN', our({ remains: ['abc (run)'] })],
  ],
};
