import { z } from 'zod';
import { read } from '../../core/command.ts';
import { ask, type RunOps } from '../../core/run.ts';
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
