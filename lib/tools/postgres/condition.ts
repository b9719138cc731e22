import type { RunOps } from '../../core/run.ts';
import { type PgServer, query, queryOne } from './psql.ts';

/** A session that others wait for, or that is open for long. */
export interface Held {
  readonly pid: number;
  /** What its client calls itself, or the client program. */
  readonly by: string;
  readonly state: string;
  /** Of its transaction, seconds. */
  readonly seconds: number;
  /** How many sessions wait for it. */
  readonly waiting: number;
}

/** How the server is. Asked of its catalogs and statistics alone, so that no table's lock is waited for. */
export interface ServerCondition {
  /** 150006 */
  readonly version: number;
  readonly recovery: boolean;
  readonly connections: {
    readonly max: number;
    readonly used: number;
    /** Those who have most, with their state. */
    readonly by: readonly { readonly who: string; readonly count: number }[];
  };
  readonly held: readonly Held[];
  readonly prepared: { readonly count: number; readonly oldest: number };
  readonly slots: readonly { readonly name: string; readonly active: boolean; readonly bytes: number }[];
  /** Of the oldest database: transactions since its last freeze. */
  readonly age: number;
  /** Names; `table.index`. */
  readonly invalidIndexes: readonly string[];
  readonly collation: readonly string[];
  readonly autovacuum: boolean;
  /** Tables with more dead rows than living ones, and many. */
  readonly behind: readonly { readonly table: string; readonly dead: number }[];
  readonly checksumFailures: number;
  readonly databases: readonly { readonly name: string; readonly oid: number; readonly bytes: number }[];
  /** Lines of configuration files that the server will not take. */
  readonly settingErrors: readonly { readonly name: string; readonly file: string; readonly line: number }[];
  /** Settings that were changed and count from the next start on. */
  readonly pendingRestart: readonly string[];
  /** Partitioned tables that have no partition for this moment. */
  readonly withoutPartition: readonly string[];
  /** By the catalog's estimates; `rows` is negative before the first ANALYZE. `table`: with its schema. */
  readonly largest: readonly { readonly table: string; readonly bytes: number; readonly rows: number }[];
}

/** Used up so far, of what the column's type can hold. */
export interface SequenceUse {
  readonly name: string;
  readonly share: number;
}

const rows = (what: string, from: string) =>
  `(SELECT coalesce(json_agg(json_build_object(${what})), '[]') FROM (${from}) q)`;
const names = (from: string) => `(SELECT coalesce(json_agg(q.name ORDER BY q.name), '[]') FROM (${from}) q)`;
/** A query that older servers could not even parse. */
const since = (version: number, from: string) =>
  `(SELECT CASE WHEN current_setting('server_version_num')::int < ${version} THEN '[]'::json ELSE (SELECT coalesce(json_agg(x::text), '[]')
    FROM unnest(xpath('//name/text()', query_to_xml('${from.replaceAll("'", "''")}', false, false, ''))) x) END)`;

// pg_file_settings calls a setting that only waits for a restart an error as well; the flag is set by looking at it, so it is asked after.
const SETTING_ERRORS = `SELECT f.name, f.sourcefile, f.sourceline FROM pg_file_settings f WHERE f.error IS NOT NULL
  AND NOT coalesce((SELECT s.pending_restart FROM pg_settings s WHERE lower(s.name) = lower(f.name)), false)`;

/** Pids of who waits for a lock, and of who holds it or stands before them in the queue. */
export const BLOCKED =
  'SELECT w.pid AS waits, holder AS holds FROM pg_stat_activity w, unnest(pg_blocking_pids(w.pid)) AS holder';

const HELD = `SELECT a.pid, coalesce(nullif(a.application_name, ''), nullif(a.backend_type, 'client backend'), host(a.client_addr), 'local') AS by, a.state,
    extract(epoch FROM clock_timestamp() - a.xact_start)::int AS seconds,
    (SELECT count(*) FROM (${BLOCKED}) b WHERE b.holds = a.pid) AS waiting
  FROM pg_stat_activity a WHERE a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
    AND clock_timestamp() - a.xact_start > interval '2 seconds' ORDER BY 5 DESC, 4 DESC LIMIT 20`;

/** Bounds of other tables may be numbers: the server need not have left those out before it casts. */
const bound = (text: string) => `CASE WHEN ${text} = 'MINVALUE' THEN '-infinity'::timestamptz
      WHEN ${text} = 'MAXVALUE' THEN 'infinity'::timestamptz WHEN ${text} ~ '^\\d{4}-\\d\\d-\\d\\d' THEN ${text}::timestamptz END`;

// A range whose bounds are constants, on one column that is a time: what an insert of now needs.
const WITHOUT_PARTITION = `SELECT c.oid::regclass::text AS name FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  WHERE p.partstrat = 'r' AND p.partnatts = 1 AND p.partdefid = 0 AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
    AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid,
      LATERAL (SELECT regexp_match(pg_get_expr(k.relpartbound, k.oid), 'FROM \\(''?([^)'']+)''?\\) TO \\(''?([^)'']+)''?\\)') AS b) x
      WHERE i.inhparent = c.oid AND x.b IS NOT NULL
        AND ${bound('x.b[1]')} <= now() AND ${bound('x.b[2]')} > now())`;

const CONDITION = `SELECT json_build_object(
  'version', current_setting('server_version_num')::int,
  'recovery', pg_is_in_recovery(),
  'connections', json_build_object('max', current_setting('max_connections')::int,
    'used', (SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walsender')),
    'by', ${rows(
      `'who', q.who, 'count', q.count`,
      `SELECT concat_ws(' ', usename, coalesce(nullif(application_name, ''), host(client_addr), 'local'), state) AS who, count(*) AS count
      FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 2 DESC LIMIT 3`,
    )}),
  'held', ${rows(`'pid', q.pid, 'by', q.by, 'state', q.state, 'seconds', q.seconds, 'waiting', q.waiting`, HELD)},
  'prepared', (SELECT json_build_object('count', count(*), 'oldest', coalesce(extract(epoch FROM now() - min(prepared))::int, 0)) FROM pg_prepared_xacts),
  'slots', ${rows(
    `'name', q.slot_name, 'active', q.active, 'bytes', q.bytes`,
    `SELECT slot_name, active, coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
      restart_lsn), 0)::bigint AS bytes FROM pg_replication_slots`,
  )},
  'age', (SELECT max(age(datfrozenxid)) FROM pg_database),
  'invalidIndexes', ${names(`SELECT i.indexrelid::regclass::text AS name FROM pg_index i WHERE NOT i.indisvalid`)},
  'collation', ${since(150_000, 'SELECT datname AS name FROM pg_database WHERE datallowconn AND datcollversion <> pg_database_collation_actual_version(oid)')},
  'autovacuum', current_setting('autovacuum')::bool AND current_setting('track_counts')::bool,
  'behind', ${rows(
    `'table', q.name, 'dead', q.n_dead_tup`,
    `SELECT relid::regclass::text AS name, n_dead_tup FROM pg_stat_user_tables WHERE n_dead_tup > 100000 AND n_dead_tup > n_live_tup ORDER BY 2 DESC LIMIT 5`,
  )},
  'checksumFailures', (SELECT coalesce(sum(checksum_failures), 0) FROM pg_stat_database),
  'databases', ${rows(
    `'name', q.datname, 'oid', q.oid::bigint, 'bytes', q.bytes`,
    `SELECT datname, oid, pg_database_size(oid) AS bytes FROM pg_database WHERE NOT datistemplate`,
  )},
  'settingErrors', ${rows(`'name', coalesce(q.name, ''), 'file', q.sourcefile, 'line', q.sourceline`, SETTING_ERRORS)},
  'pendingRestart', ${names(`SELECT name FROM pg_settings WHERE pending_restart`)},
  'withoutPartition', ${names(WITHOUT_PARTITION)},
  'largest', ${rows(
    `'table', q.name, 'bytes', q.bytes, 'rows', q.rows`,
    `SELECT n.nspname || '.' || c.relname AS name, c.reltuples::bigint AS rows, c.relpages::bigint * current_setting('block_size')::int AS bytes FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 3 DESC LIMIT 5`,
  )})`;

// By itself: reading a sequence waits for whoever alters it.
const SEQUENCES = `SELECT json_build_object('name', q.name, 'share', q.share) FROM (
  SELECT s.schemaname || '.' || s.sequencename AS name, s.last_value::numeric / least(s.max_value, coalesce(
      (SELECT max(CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE 9223372036854775807 END)
       FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
       WHERE d.classid = 'pg_class'::regclass AND d.objid = format('%I.%I', s.schemaname, s.sequencename)::regclass AND d.deptype IN ('a', 'i')),
      s.max_value)) AS share
  FROM pg_sequences s WHERE s.last_value IS NOT NULL) q WHERE q.share > 0.5 ORDER BY q.share DESC LIMIT 5`;

const DEADLINE_MS = 6_000;

/** @throws {CommandError} the server does not answer over its local socket, or not in time. */
export const serverCondition = (ops: RunOps, server: PgServer): Promise<ServerCondition> =>
  queryOne<ServerCondition>(ops, server, CONDITION, { deadlineMs: DEADLINE_MS });

/** Sequences of which more than half is used up. @throws {TableLocked} */
export const usedSequences = (ops: RunOps, server: PgServer): Promise<SequenceUse[]> =>
  query<SequenceUse>(ops, server, SEQUENCES, { deadlineMs: DEADLINE_MS });
