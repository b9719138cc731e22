import type { RunOps } from '../../core/run.ts';
import { type PgServer, query } from '../../tools/postgres/psql.ts';
import { suffixed } from './restore.ts';

/** A database of the cluster. */
export interface DatabaseSize {
  readonly name: string;
  /** What it is, whatever it is called. */
  readonly oid: number;
  readonly bytes: number;
}

/** One that a restore left beside the database in use. */
export interface LeftDatabase extends DatabaseSize {
  /** `before`: was in use, and put aside; `restoring`: was being restored when its run was killed. */
  readonly kind: 'before' | 'restoring';
  /** When it was put aside, or when that restore began: RFC 3339, UTC, whole seconds. */
  readonly since: string;
}

const SIZES = `SELECT json_build_object('name', datname, 'oid', oid::bigint, 'bytes', pg_database_size(oid)) FROM pg_database
  WHERE NOT datistemplate ORDER BY datname`;

/** Every database with its size, asked from outside of them all. @throws {CommandError} */
export const databaseSizes = (ops: RunOps, server: PgServer): Promise<DatabaseSize[]> =>
  query<DatabaseSize>(ops, server, SIZES, { database: 'template1' });

/** Those that restores of `name` left, newest first. */
export function leftBy(name: string, sizes: readonly DatabaseSize[]): LeftDatabase[] {
  return sizes
    .flatMap((database): LeftDatabase[] => {
      const [suffix, kind, time] = /_(before|restoring)_(\d{8}t\d{6}z)$/.exec(database.name) ?? [];
      // Other deployments may share the cluster, and another database's name may begin like this one's.
      if (suffix === undefined || time === undefined || suffixed(name, suffix) !== database.name) return [];
      return [{ ...database, kind: kind as LeftDatabase['kind'], since: dateOf(time) }];
    })
    .sort((a, b) => b.since.localeCompare(a.since));
}

/** `20260102t030405z` as RFC 3339. */
const dateOf = (time: string): string =>
  time.toUpperCase().replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z');
