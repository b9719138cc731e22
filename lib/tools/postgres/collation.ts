import { z } from 'zod';
import { ask, type RunOps, read } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { type PgServer, query } from './psql.ts';

const schema = z.object({ c: z.string().nullable(), i: z.string().nullable() });

/**
 * Versions of the libraries that sort text, libc (`2.36`) and ICU (`153.120`); null where the server can't tell, as with musl.
 */
export type SortingLibraries = z.infer<typeof schema>;

// "C" and its like have no version: they sort bytes, whatever the library. On one line: so single-user mode wants it.
const LIBRARIES = `SELECT json_build_object('c', (SELECT max(pg_collation_actual_version(oid)) FROM pg_collation WHERE collprovider = 'c'), \
'i', (SELECT max(pg_collation_actual_version(oid)) FROM pg_collation WHERE collprovider = 'i')) AS answer`;

const ASK = `set -e; initdb -D /tmp/asked -A trust --no-sync > /tmp/initdb.log 2>&1 || { cat /tmp/initdb.log >&2; exit 1; }
printf '%s\\n' "$1" | postgres --single -D /tmp/asked template1`;

/**
 * Asks the server of an image, in a cluster that is made for it and goes with its container: a second or two.
 *
 * @param flags of `docker run`.
 * @throws {CommandError} when there is no server in it, or it does not start.
 */
export async function sortingLibrariesOf(
  ops: RunOps,
  imageId: string,
  flags: readonly string[],
): Promise<SortingLibraries> {
  const helper = ['docker', 'run', '--rm', '--network', 'none', '--pull', 'never', '--user', 'postgres', ...flags];
  const asks = ['--tmpfs', '/tmp', '--entrypoint', 'sh', imageId, '-c', ASK, 'sh', LIBRARIES];
  const said = await ask(ops, read([...helper, ...asks], { deadlineMs: 60_000 }));
  return answerOf('postgres --single', schema, /answer = "(\{.*\})"/.exec(said)?.[1] ?? '');
}

/** The same of a server that runs. @throws {CommandError} */
export async function librariesOf(ops: RunOps, server: PgServer): Promise<SortingLibraries> {
  const [libraries = { c: null, i: null }] = await query<SortingLibraries>(ops, server, LIBRARIES);
  return libraries;
}

/** A database that sorts by a library; those that sort bytes are left out. */
export interface SortedBy {
  readonly database: string;
  readonly provider: keyof SortingLibraries;
  /** The library's version that its indexes were built with. */
  readonly version: string;
}

// to_jsonb, because servers before 15 don't have these columns.
const SORTED = `SELECT json_build_object('database', datname, 'provider', to_jsonb(d) ->> 'datlocprovider',
  'version', to_jsonb(d) ->> 'datcollversion') FROM pg_database d
  WHERE datallowconn AND to_jsonb(d) ->> 'datcollversion' IS NOT NULL AND to_jsonb(d) ->> 'datlocprovider' IN ('c', 'i')
  ORDER BY datname`;

/** @throws {CommandError} */
export const sortedDatabases = (ops: RunOps, server: PgServer): Promise<SortedBy[]> =>
  query<SortedBy>(ops, server, SORTED);

// Servers that have a version of a database have this as well.
const ACTUAL = `SELECT json_build_object('database', datname, 'now', pg_database_collation_actual_version(oid)) FROM pg_database WHERE datallowconn`;

/** By database, its library's version now. Of servers before 15 it can't be asked. @throws {CommandError} */
export async function actualVersions(ops: RunOps, server: PgServer): Promise<ReadonlyMap<string, string | null>> {
  const rows = await query<{ readonly database: string; readonly now: string | null }>(ops, server, ACTUAL);
  return new Map(rows.map(({ database, now }) => [database, now]));
}

/** A collation that a column or an index names, of the database that is asked. */
export interface UsedCollation extends SortedBy {
  /** With its schema, quoted where need be. */
  readonly collation: string;
  /** The library's version now; null where the server can't tell. */
  readonly now: string | null;
  /** Indexes that sort by it, as SQL names them. */
  readonly indexes: readonly string[];
}

const USED = `SELECT json_build_object('database', current_database(), 'collation', format('%I.%I', n.nspname, c.collname), 'provider', c.collprovider,
  'version', c.collversion, 'now', pg_collation_actual_version(c.oid), 'indexes', i.names)
  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace,
    LATERAL (SELECT coalesce(json_agg(x.indexrelid::regclass::text ORDER BY x.indexrelid::regclass::text), '[]') AS names
      FROM pg_index x WHERE c.oid = ANY (x.indcollation)) i
  WHERE c.collversion IS NOT NULL AND c.collprovider IN ('c', 'i') AND (i.names::text <> '[]' OR EXISTS (SELECT FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
    WHERE a.attcollation = c.oid AND NOT a.attisdropped AND t.relkind IN ('r', 'p', 'm')))
  ORDER BY n.nspname, c.collname`;

/** @throws {CommandError} */
export const usedCollations = (ops: RunOps, server: PgServer): Promise<UsedCollation[]> =>
  query<UsedCollation>(ops, server, USED);
