import { z } from 'zod';
import type { RunOps } from '../../core/run.ts';
import { CONTENTS, type Contents, PINNED, parseContents, parseSequences, SEQUENCES } from './fingerprint.ts';
import { literal, type PgServer } from './psql.ts';
import { withSession } from './session.ts';

/** How a database is made, apart from what is in it; `null` where the server's version has no such thing. */
export const databaseSchema = z.strictObject({
  name: z.string(),
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** `c` libc, `i` ICU, `b` builtin. */
  localeProvider: z.enum(['c', 'i', 'b']).nullable(),
  locale: z.string().nullable(),
  comment: z.string().nullable(),
  /** The default one of its tables; absent in older backups, as the limit is. */
  tablespace: z.string().optional(),
  /** -1 is none. */
  connectionLimit: z.int().optional(),
  /** ALTER DATABASE … SET, and ALTER ROLE … IN DATABASE … SET where `role` is not null. */
  settings: z.array(z.strictObject({ role: z.string().nullable(), name: z.string(), value: z.string() })),
  /** Null when nobody granted or revoked anything. `grantee` null is PUBLIC; who granted it is not told. */
  privileges: z
    .array(z.strictObject({ grantee: z.string().nullable(), privilege: z.string(), grantable: z.boolean() }))
    .nullable(),
});

export type DatabaseProperties = z.infer<typeof databaseSchema>;

export const serverSchema = z.strictObject({
  /** `15.6 (Debian …)` */
  version: z.string(),
  /** 150006 */
  versionNumber: z.int(),
  /** Given by initdb: tells one cluster from another. */
  systemIdentifier: z.string(),
  /** Its shared_preload_libraries, without which some extensions can't be created; absent in older backups. */
  preloads: z.string().optional(),
});

const factsSchema = z.strictObject({
  server: serverSchema,
  database: databaseSchema,
  /** pg_database_size, bytes. */
  databaseBytes: z.int(),
  /** Tables and large objects without indexes, bytes: what a dump is made of. */
  tableBytes: z.int(),
  /** Roles that something in it refers to: owners, who was granted something, whose policy it is. Absent in older backups. */
  roles: z.array(z.string()).optional(),
});

export type DatabaseFacts = z.infer<typeof factsSchema>;

const SETTINGS = `(SELECT coalesce(jsonb_agg(jsonb_build_object('role', r.rolname, 'name', split_part(s, '=', 1),
        'value', substr(s, strpos(s, '=') + 1)) ORDER BY r.rolname, s), '[]')
      FROM pg_db_role_setting x CROSS JOIN unnest(x.setconfig) AS s LEFT JOIN pg_roles r ON r.oid = x.setrole
      WHERE x.setdatabase = d.oid)`;

export const FACTS = `SELECT json_build_object(
  'server', json_build_object('version', current_setting('server_version'), 'versionNumber',
    current_setting('server_version_num')::int, 'systemIdentifier', (SELECT system_identifier::text FROM pg_control_system()),
    'preloads', current_setting('shared_preload_libraries')),
  'databaseBytes', pg_database_size(d.oid),
  'roles', (SELECT coalesce(json_agg(DISTINCT pg_get_userbyid(s.refobjid)), '[]') FROM pg_shdepend s
    WHERE s.refclassid = 'pg_authid'::regclass AND (s.dbid = d.oid
      OR s.dbid = 0 AND s.classid = 'pg_database'::regclass AND s.objid = d.oid)),
  'tableBytes', pg_table_size('pg_largeobject') + coalesce((SELECT sum(pg_table_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'), 0),
  'database', json_build_object('name', d.datname, 'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding),
    'collate', d.datcollate, 'ctype', d.datctype, 'localeProvider', to_jsonb(d) ->> 'datlocprovider',
    'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
    'comment', shobj_description(d.oid, 'pg_database'), 'connectionLimit', d.datconnlimit,
    'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace),
    'settings', ${SETTINGS},
    'privileges', CASE WHEN d.datacl IS NOT NULL THEN (SELECT coalesce(jsonb_agg(to_jsonb(g)), '[]') FROM (
        SELECT CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END AS grantee, a.privilege_type AS privilege, bool_or(a.is_grantable) AS grantable
        FROM aclexplode(d.datacl) AS a GROUP BY 1, 2) g) END))
  FROM pg_database d WHERE d.datname = current_database()`;

/** The same settings and limit of a database that is not connected to. */
export const lateSql = (
  name: string,
): string => `SELECT json_build_object('connectionLimit', d.datconnlimit, 'settings', ${SETTINGS})
  FROM pg_database d WHERE d.datname = ${literal(name)};`;

export const parseLate = (json: string) =>
  databaseSchema.pick({ settings: true, connectionLimit: true }).parse(JSON.parse(json));

export const parseFacts = (json: unknown): DatabaseFacts => factsSchema.parse(json);

/** One state of a database, held open for others to read. */
export interface Snapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string;
  readonly facts: DatabaseFacts;
  /** Sequences before anything was read. */
  readonly sequences: Contents['sequences'];
  /** Everything as the snapshot has it; reads every row. Sequences are those of the beginning. */
  contents(deadlineMs: number): Promise<Contents>;
  /** Aborted when the transaction is gone: nobody needs to wait for what reads in it. */
  readonly lost: AbortSignal;
  /** Sequences as they are now: they live outside of snapshots. */
  sequencesNow(): Promise<Contents['sequences']>;
}

/**
 * Opens a transaction whose snapshot pg_dump can share, for as long as `use` runs. Should this process vanish, the server
 * ends it at end of input, or at last after a day without a statement (a long dump is no statement of this session).
 *
 * @param applicationName what the session is called in pg_stat_activity.
 */
export function withSnapshot<T>(
  ops: RunOps,
  server: PgServer,
  applicationName: string,
  use: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  return withSession(ops, server, applicationName, async (session) => {
    const begin = `${PINNED}
SET idle_in_transaction_session_timeout = '24h';
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SELECT json_build_object('snapshot', pg_export_snapshot());
${FACTS};
${SEQUENCES}`;
    const [first, second, ...rest] = await session.send(begin, 60_000);
    const { snapshot } = z.strictObject({ snapshot: z.string() }).parse(JSON.parse(first ?? 'null'));
    const sequences = parseSequences(rest);
    return use({
      id: snapshot,
      lost: session.lost,
      facts: parseFacts(JSON.parse(second ?? 'null')),
      sequences,
      contents: async (ms) => ({ ...parseContents(await session.send(CONTENTS, ms)), sequences }),
      sequencesNow: async () => parseSequences(await session.send(SEQUENCES, 60_000)),
    });
  });
}
