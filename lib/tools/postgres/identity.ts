import { failed } from '../../core/refusal.ts';
import type { RunOps } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { type PgServer, queryOne } from './psql.ts';

/** What tells the data that a server serves from any other data, an older copy of it included. */
export interface DataIdentity {
  /** Given by initdb: tells one cluster from another. Decimal text. */
  readonly systemIdentifier: string;
  /** How far its log is written, in bytes from its beginning: never goes back. Decimal text. */
  readonly written: string;
  /** Where the server says that its data is, inside its container. */
  readonly dataDirectory: string;
  /** `15` */
  readonly major: string;
  /** Every database of the cluster. */
  readonly databases: readonly { readonly name: string; readonly oid: number; readonly bytes: number }[];
  /** Tables of the application's database, and whether there is a row; null when that can't be known now because it is locked. */
  readonly tables: readonly { readonly name: string; readonly hasRows: boolean | null }[];
}

// Log that was flushed survives a crash; what was only inserted need not.
const IDENTITY = `SELECT json_build_object(
  'systemIdentifier', (SELECT system_identifier::text FROM pg_control_system()),
  'written', ((CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END) - '0/0'::pg_lsn)::text,
  'dataDirectory', current_setting('data_directory'),
  'major', (current_setting('server_version_num')::int / 10000)::text,
  'databases', (SELECT json_agg(json_build_object('name', datname, 'oid', oid::bigint, 'bytes', pg_database_size(oid)) ORDER BY datname)
    FROM pg_database WHERE NOT datistemplate),
  'tables', (SELECT coalesce(json_agg(json_build_object('name', n.nspname || '.' || c.relname, 'hasRows', CASE
      WHEN EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.database = (SELECT oid FROM pg_database
        WHERE datname = current_database()) AND l.mode = 'AccessExclusiveLock') THEN NULL
      ELSE query_to_xml(format('SELECT 1 AS a FROM ONLY %I.%I LIMIT 1', n.nspname, c.relname), false, true, '')::text <> '' END)
      ORDER BY n.nspname, c.relname), '[]')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'))`;

/** Asks a running server which data it has: one query, a row of each table at most. @throws {CommandError} */
export const identify = (ops: RunOps, server: PgServer): Promise<DataIdentity> =>
  queryOne<DataIdentity>(ops, server, IDENTITY);

/** What may have happened to the data since it was seen first. */
export interface Since {
  /** Nothing but reading, so each table still has what it had; `false` when the application or a migration was at work. */
  readonly untouched: boolean;
  /** Names of databases that others took the place of, or that got another name, on purpose. */
  readonly renamed?: readonly string[];
}

/** Why the data that a server has now is not what was there before; empty when it is. Pure. */
export function differences(before: DataIdentity, now: DataIdentity, since: Since): Text[] {
  if (now.systemIdentifier !== before.systemIdentifier) return [anotherCluster(before.systemIdentifier, now)];
  if (BigInt(now.written) < BigInt(before.written)) return [olderState(before, now)];
  const there = new Map(now.databases.map((d) => [d.name, d.oid]));
  const gone = before.databases
    .filter(({ name, oid }) => !since.renamed?.includes(name) && there.get(name) !== oid)
    .map(({ name }): Text => {
      const [text, is] = [printable(name), there.has(name)];
      return is
        ? { en: `database ${text} is another one of that name`, zh: `数据库 ${text} 已不是原来那个库` }
        : { en: `database ${text} is not there`, zh: `数据库 ${text} 不存在` };
    });
  if (!since.untouched) return gone;
  const tables = new Map(now.tables.map((t) => [t.name, t.hasRows]));
  const emptied = before.tables
    .filter(({ name, hasRows }) => !tables.has(name) || (hasRows && tables.get(name) === false))
    .map(({ name }): Text => {
      const [text, is] = [printable(name), tables.has(name)];
      return is
        ? { en: `table ${text} has no rows any more`, zh: `表 ${text} 中的数据已不存在` }
        : { en: `table ${text} is not there`, zh: `表 ${text} 不存在` };
    });
  return [...gone, ...emptied];
}

/**
 * To be called before anything writes, and again at the end.
 *
 * @throws {OpsError} `failed` naming what is not as it was.
 */
export function requireSameData(before: DataIdentity, now: DataIdentity, since: Since): void {
  const found = differences(before, now, since);
  if (found.length > 0) throw notTheSame(found);
}

/** As far as a cluster could be named whose server did not run. @throws {OpsError} */
export function requireSameCluster(systemIdentifier: string, now: DataIdentity): void {
  if (systemIdentifier !== '' && now.systemIdentifier !== systemIdentifier)
    throw notTheSame([anotherCluster(systemIdentifier, now)]);
}

const anotherCluster = (was: string, { systemIdentifier, dataDirectory }: DataIdentity): Text => ({
  en: `it is another cluster (system identifier ${systemIdentifier} in ${printable(dataDirectory)}; before ${was})`,
  zh: `这是另一个数据库集群 (system identifier ${systemIdentifier}, 位于 ${printable(dataDirectory)}; 之前为 ${was})`,
});

const olderState = (before: DataIdentity, now: DataIdentity): Text => ({
  en: `it is an older state of the cluster (its log ends at byte ${now.written}, and had come to ${before.written})`,
  zh: `这是该集群较旧的状态 (WAL 位置 ${now.written}, 此前已到 ${before.written})`,
});

const notTheSame = (why: readonly Text[]) =>
  failed(
    {
      en: `The data that PostgreSQL serves is not the data from before: ${why.map((w) => w.en).join('; ')}.`,
      zh: `PostgreSQL 当前的数据不是之前的数据: ${why.map((w) => w.zh).join('; ')}.`,
    },
    {
      en: 'See what the compose file changes about PostgreSQL’s volume, PGDATA and image.',
      zh: '请检查 compose 文件对 PostgreSQL 的卷, PGDATA 与镜像的改动.',
    },
  );
