import { createHash } from 'node:crypto';

let lastOid = 16_384;

/** One database: its tables with their rows as text. */
export interface Database {
  /** What it is, whatever it is called; of its cluster alone, so no dump has it. */
  oid?: number;
  owner: string;
  /** The revision whose tables these are; '' without any. */
  shape: string;
  /** What stands in alembic_version; null without that table. */
  stamp: string | null;
  tables: Record<string, string[]>;
}

/** The content of a PostgreSQL data directory. */
export interface Cluster {
  /** Of the server that made it. */
  readonly major?: string;
  systemIdentifier: string;
  /** How far its log has come. */
  written: number;
  /** Passwords as they are stored: a verifier, never the password. */
  roles: Record<string, string>;
  databases: Record<string, Database>;
  /** The text of pg_hba.conf. */
  hba: string;
}

export interface HbaRule {
  readonly line: number;
  readonly type: string;
  readonly address: string | null;
  readonly method: string;
}

export const PGDATA = '/var/lib/postgresql/data';

export const verifier = (password: string) =>
  `SCRAM-SHA-256$4096:${createHash('sha256').update(password).digest('base64')}`;

export const emptyDatabase = (owner: string): Database => ({
  oid: ++lastOid,
  owner,
  shape: '',
  stamp: null,
  tables: {},
});

/** As the official image's first start leaves it. */
export function initdb(id: string, user: string, password: string, database: string, major = '15'): Cluster {
  const databases: Cluster['databases'] = {};
  for (const name of ['postgres', 'template1', database]) databases[name] = emptyDatabase(user);
  const hba = [
    '# PostgreSQL Client Authentication Configuration File',
    'local all all trust',
    'host all all 127.0.0.1/32 trust',
    'host all all ::1/128 trust',
    'host all all all scram-sha-256',
    '',
  ].join('\n');
  return { major, systemIdentifier: id, written: 1_000, roles: { [user]: verifier(password) }, databases, hba };
}

export function hbaRules(text: string): HbaRule[] {
  return text.split('\n').flatMap((line, at): HbaRule[] => {
    const [type = '', , , ...rest] = line.trim().split(/\s+/);
    if (type === '' || type.startsWith('#')) return [];
    const method = rest.at(-1) ?? '';
    return [{ line: at + 1, type, address: type === 'local' ? null : (rest[0] ?? null), method }];
  });
}

export const isRemote = (rule: HbaRule) => rule.type !== 'local' && !/^(127\.|::1)/.test(rule.address ?? '');

/** The method for somebody from another machine or container: the first line that fits. */
export const remoteMethod = (rules: readonly HbaRule[]) => rules.find(isRemote)?.method ?? 'reject';

/** Sums over rows, as far as two contents must be told apart. */
export function hashOf(rows: readonly string[]): string {
  const each = rows.map((r) => createHash('sha1').update(r).digest().readInt32BE(0));
  return String(each.reduce((a, b) => a + b, 0));
}

const tablesOf = (db: Database): Record<string, readonly string[]> => ({
  ...(db.stamp === null ? {} : { alembic_version: [db.stamp] }),
  ...db.tables,
});

/** What `CONTENTS` prints. */
export function contentsLines(db: Database): string[] {
  const tables = Object.entries(tablesOf(db)).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...tables.map(([name, rows]) => ({ is: 'table', schema: 'public', name, rows: rows.length, hash: hashOf(rows) })),
    ...(db.stamp === null ? [] : [{ is: 'alembic', revision: db.stamp }]),
    { is: 'extension', name: 'plpgsql', version: '1.0' },
    { is: 'largeObjects', count: 0, hash: '0' },
    { is: 'objects', counts: { 'relation r': tables.length, functions: 0, triggers: 0 } },
  ].map((line) => JSON.stringify(line));
}

/** What `SEQUENCES` prints: one for each table. */
export const sequenceLines = (db: Database): string[] =>
  Object.entries(db.tables)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rows]) =>
      JSON.stringify({
        is: 'sequence',
        schema: 'public',
        name: `${name}_id_seq`,
        lastValue: String(Math.max(rows.length, 1)),
        isCalled: rows.length > 0,
      }),
    );

/** What `identify` asks for. */
export const identityOf = (cluster: Cluster, name: string, dataDirectory: string) => ({
  systemIdentifier: cluster.systemIdentifier,
  written: String(cluster.written),
  dataDirectory,
  major: majorOf(cluster),
  databases: Object.keys(cluster.databases)
    .filter((d) => d !== 'template1')
    .sort()
    .map((d) => ({ name: d, oid: oidOf(cluster.databases[d]), bytes: bytesOf(cluster.databases[d]) })),
  tables: Object.entries(tablesOf(cluster.databases[name] ?? emptyDatabase('')))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([table, rows]) => ({ name: `public.${table}`, hasRows: rows.length > 0 })),
});

/** What `FACTS` prints. */
export const factsLine = (cluster: Cluster, name: string): string =>
  JSON.stringify({
    server: { ...versionOf(cluster), systemIdentifier: cluster.systemIdentifier },
    databaseBytes: bytesOf(cluster.databases[name]),
    tableBytes: 1_000,
    database: {
      name,
      owner: cluster.databases[name]?.owner,
      encoding: 'UTF8',
      collate: 'C',
      ctype: 'C',
      localeProvider: 'c',
      locale: null,
      comment: null,
      settings: [],
      privileges: null,
    },
  });

export const bytesOf = (db: Database | undefined) => 8_000_000 + JSON.stringify(db ?? {}).length;

export const oidOf = (db: Database | undefined): number => db?.oid ?? 0;

/** What a dump has of it. */
export const contentOf = ({ oid: _, ...content }: Database): Database => content;

/** Whether there is anything in it that somebody could miss. */
export const holdsAnything = (db: Database) => Object.keys(tablesOf(db)).length > 0;

const majorOf = ({ major = '15' }: Cluster): string => major;

export const versionOf = (cluster: Cluster) => ({
  version: `${majorOf(cluster)}.6`,
  versionNumber: Number(majorOf(cluster)) * 10_000 + 6,
});
