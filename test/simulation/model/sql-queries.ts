import { createHash } from 'node:crypto';
import { SCHEMA_SQL } from '../../../lib/domain/schema/revision.ts';
import { PROBES } from '../../../lib/domain/schema/revision-probes.ts';
import { SCHEMA_OBJECTS } from '../../../lib/domain/schema/schema-objects.ts';
import { bytesOf, type Database, hbaRules, holdsAnything, identityOf, oidOf, PGDATA, versionOf } from './cluster.ts';
import type { Server } from './engine.ts';
import { unknown } from './flags.ts';
import type { Inside } from './in-container.ts';
import { SqlError } from './sql-changes.ts';

interface Asked {
  readonly server: Server;
  readonly database: string;
  readonly db: Database;
  readonly sql: string;
  readonly what: Inside;
  /** Milliseconds of the server's clock. */
  readonly now: number;
}

type Answer = (asked: Asked) => readonly unknown[];

const tables = ({ db }: Asked) => Object.keys(db.tables);
const names = ({ server }: Asked) => Object.keys(server.cluster.databases).sort();
const texts = ({ sql }: Asked) => [...sql.matchAll(/'((?:[^']|'')*)'/g)].map((m) => (m[1] ?? '').replaceAll("''", "'"));
const time = (milliseconds: number) => new Date(Date.parse('2026-01-02T03:04:05Z') + milliseconds).toISOString();

/** Of an image that says nothing else. */
export const LIBRARIES = { c: '2.36', i: '153.120' };

/** Queries by what only they have in them, and their rows. */
const QUERIES: readonly (readonly [string, Answer])[] = [
  ['xact_start > clock_timestamp()', ({ server }) => [{ young: server.transactions?.shift() ?? 0, all: 0 }]],
  [
    "'hasRows', CASE",
    ({ server, database, what }) => [identityOf(server.cluster, database, what.container.env.PGDATA ?? PGDATA)],
  ],
  [
    'pg_hba_file_rules',
    ({ server, what }) => [
      {
        file: `${PGDATA}/pg_hba.conf`,
        data: PGDATA,
        rules: hbaRules(server.cluster.hba).map((r) => ({
          line_number: r.line,
          type: r.type,
          database: ['all'],
          user_name: ['all'],
          address: r.address?.split('/')[0] ?? null,
          netmask: netmask(r.address),
          auth_method: r.method,
          error: what.container.image.lacks?.includes(r.method) ? `invalid authentication method "${r.method}"` : null,
        })),
      },
    ],
  ],
  [
    "'versioned', to_regclass('public.alembic_version')",
    (asked) => [
      {
        bytes: bytesOf(asked.db),
        tables: tables(asked).length + (asked.db.stamp === null ? 0 : 1),
        versioned: asked.db.stamp !== null,
        largest: tables(asked).map((name) => ({ schema: 'public', name, bytes: 8192, estimate: 1, time: null })),
      },
    ],
  ],
  [
    "SELECT json_build_object('revision'",
    (asked) => [
      { revision: asked.db.stamp },
      ...[...asked.sql.matchAll(/'name', '([^']+)'/g)].map(([, name = '']) => ({
        name,
        exact: true,
        rows: asked.db.tables[name]?.length ?? 0,
        newest: null,
      })),
    ],
  ],
  [
    "FROM users WHERE username = 'admin'",
    ({ db }) => {
      if (!db.tables.users) throw new SqlError('relation "users" does not exist');
      return db.tables.users.includes('admin') ? [{ id: 1 }] : [];
    },
  ],
  ['SELECT to_json(to_regclass(', (asked) => [texts(asked).some((name) => name in asked.db.tables)]],
  [
    'FROM task_runs WHERE',
    ({ db, sql }) => {
      const [, after = '', , before = '~'] = /started_at > '(.*?)'( AND started_at < '(.*?)')?/.exec(sql) ?? [];
      const rows = (db.tables.task_runs ?? []).map((row) => row.split(' since ') as [string, string]);
      return rows.filter(([, since]) => since > after && since < before).map(([name, since]) => ({ name, since }));
    },
  ],
  [
    "'bytes', pg_database_size(oid)",
    (asked) =>
      names(asked)
        .filter((name) => name !== 'template1')
        .map((name) => ({
          name,
          oid: oidOf(asked.server.cluster.databases[name]),
          bytes: bytesOf(asked.server.cluster.databases[name]),
        })),
  ],
  [
    "'exact', pg_table_size(c.oid)",
    (asked) =>
      tables(asked).map((name) => ({
        schema: 'public',
        name,
        exact: true,
        rows: asked.db.tables[name]?.length ?? 0,
      })),
  ],
  [
    'WHERE datallowconn AND datconnlimit <> -2 AND NOT datistemplate',
    (asked) => names(asked).filter((n) => n !== 'template1'),
  ],
  ["WHERE NOT (datallowconn AND datconnlimit <> -2) AND datname <> 'template0'", () => []],
  ['FROM pg_roles WHERE oid <> 10', ({ server }) => Object.keys(server.cluster.roles).slice(1)],
  [
    "'relations', (SELECT",
    ({ db }) => [
      {
        relations: holdsAnything(db) ? Object.keys(db.tables).map((t) => `public.${t}`) : [],
        functions: 0,
        largeObjects: 0,
      },
    ],
  ],
  [
    "'inFiles', (SELECT",
    ({ server, what }) => [
      {
        inFiles: server.told ?? [],
        onCommandLine: [],
        known: ['work_mem', 'old_setting'].filter((name) => !what.container.image.lacks?.includes(name)),
        available: ['plpgsql', 'pg_trgm'].filter((name) => !what.container.image.lacks?.includes(name)),
        extensions: server.extensions ?? ['plpgsql'],
      },
    ],
  ],
  ["'who', concat_ws", ({ server }) => server.visitors ?? []],
  ['txid_snapshot_xmax', (asked) => [createHash('sha1').update(JSON.stringify(asked.db)).digest('hex')]],
  ['sum(pg_database_size(oid))', (asked) => [names(asked).length * 8_000_000]],
  ['max(pg_collation_actual_version(oid))', ({ what }) => [what.container.image.libraries ?? LIBRARIES]],
  [
    "'now', pg_collation_actual_version",
    ({ server, what, database }) =>
      (server.collations ?? []).map((one) => ({
        ...one,
        database,
        now: (what.container.image.libraries ?? LIBRARIES)[one.provider],
      })),
  ],
  [
    "'now', pg_database_collation_actual_version",
    ({ server, what }) =>
      (server.sorted ?? []).map(({ database, provider }) => ({
        database,
        now: (what.container.image.libraries ?? LIBRARIES)[provider],
      })),
  ],
  ["to_jsonb(d) ->> 'datcollversion'", ({ server }) => server.sorted ?? []],
  ['SELECT to_jsonb(rolname) FROM pg_authid', ({ server }) => Object.keys(server.cluster.roles)],
  ['SELECT to_jsonb(oid::bigint) FROM pg_database', ({ db }) => [oidOf(db)]],
  ['FROM pg_subscription', ({ server }) => [{ subscriptions: [], slots: [], prepared: [], ...server.replication }]],
  ["relkind IN ('r', 'p', 'm')", holders],
  ['pg_blocking_pids', holders],
  ["l.locktype = 'relation'", holders],
  [
    'WHERE application_name = ',
    ({ server, sql }) => {
      const application = /application_name = '([^']*)'/.exec(sql)?.[1];
      const mine = server.sessions.filter((s) => s.application === application);
      server.sessions = server.sessions.filter((s) => s.application !== application);
      return mine.map(() => true);
    },
  ],
  [
    'to_jsonb(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname',
    (asked) => {
      const { server } = asked;
      server.sessions = server.sessions.filter((s) => !texts(asked).includes(s.database));
      return [];
    },
  ],
  [
    "ORDER BY datname = 'postgres' DESC",
    (asked) => names(asked).filter((n) => n === 'postgres' && n !== texts(asked)[0]),
  ],
  ['SELECT to_jsonb(true) FROM pg_database', (asked) => (names(asked).includes(texts(asked)[0] ?? '') ? [true] : [])],
  ["'versionNumber', current_setting", ({ server }) => [versionOf(server.cluster)]],
  [
    "'memberOf', (SELECT",
    ({ server }) => [
      {
        roles: Object.entries(server.cluster.roles).map(([name, stored]) => ({
          name,
          rights: ['SUPERUSER', 'LOGIN'],
          password: createHash('sha256').update(stored).digest('hex'),
          memberOf: [],
        })),
        tablespaces: ['pg_default', 'pg_global'],
      },
    ],
  ],
  ["'file', current_setting('hba_file')", () => [{ file: `${PGDATA}/pg_hba.conf`, data: PGDATA }]],
  [
    "current_setting('max_wal_size')",
    ({ server }) => [{ directory: PGDATA, most: 1_073_741_824, kept: (server.replication?.slots ?? []).length > 0 }],
  ],
  ["pg_conf_load_time() > '", ({ now }) => [{ since: time(now), inForce: true }]],
  ['SELECT pg_conf_load_time()', ({ server }) => [time(server.loadedAt)]],
  ['SELECT pid FROM pg_stat_activity', ({ server }) => server.sessions.filter((s) => s.trusted).map((_, i) => 100 + i)],
  ["'md5', count(*)", () => [{ md5: 0 }]],
  ['SELECT count(*) FROM pg_class', () => [400]],
];

const HOLDER = {
  pid: 4242,
  application: 'nightly-report',
  user: 'reporter',
  address: '10.0.0.9',
  state: 'idle in transaction',
  since: '2026-01-02T03:00:00Z',
};

export const isLocked = ({ locked }: Server, now: number): boolean => locked !== undefined && now < locked.until;

function holders({ server, now }: Asked): readonly unknown[] {
  return isLocked(server, now) ? [{ ...HOLDER, query: server.locked?.query }] : [];
}

/** Reads rows of the application's tables, and so waits for whoever has locked one. */
const READS_ROWS = /'exact', (?:true|false|pg_table_size)|FROM users WHERE/;

export function answerQuery(
  what: Inside,
  { server, database }: { server: Server; database: string },
  sql: string,
): readonly unknown[] {
  const db = server.cluster.databases[database] ?? unknown(database);
  const now = what.machine.engine.clock.monotonic();
  if (isLocked(server, now) && READS_ROWS.test(sql)) throw new SqlError('canceling statement due to lock timeout');
  const asked = { server, database, db, sql, what, now };
  if (sql === SCHEMA_SQL) return [schema(db)];
  if (sql === SCHEMA_OBJECTS) return objects(db);
  const known = QUERIES.find(([feature]) => sql.includes(feature));
  return known ? known[1](asked) : unknown(`query: ${sql}`);
}

const objects = (db: Database) => [
  ...Object.keys(db.tables).map((table) => [`table public.${table}`, null]),
  ['the alembic revision', `${db.stamp} ${db.shape}`],
];

function schema(db: Database) {
  const number = Object.keys(db.tables).length;
  const probes = PROBES.map((p) => number > 0 && p.revision <= db.shape);
  return { tables: number, versions: db.stamp === null ? null : [db.stamp], probes };
}

function netmask(address: string | null): string | null {
  const bits = /\/(\d+)$/.exec(address ?? '')?.[1];
  if (bits === undefined) return null;
  return address?.includes(':') ? Array(8).fill('ffff').join(':') : '255.255.255.255';
}
