import type { Ops } from '../../core/ops.ts';
import { type Database, identifier, literal, query, queryOne } from './psql.ts';

export interface TableFacts {
  readonly name: string;
  readonly rows: number;
  /** False: the statistics' estimate, because counting would take long. */
  readonly exact: boolean;
  /** Newest value of its creation or update time, when that was cheap to find. */
  readonly newest: string | undefined;
}

/** Tables up to this size are counted, larger ones estimated: a survey must stay quick. */
const COUNTED_BYTES = 64_000_000;
const SHOWN = 5;

const OVERVIEW = `
SELECT json_build_object(
  'bytes', pg_database_size(current_database()),
  'tables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
  'versioned', to_regclass('public.alembic_version') IS NOT NULL,
  'largest', coalesce((SELECT json_agg(t) FROM (
    SELECT n.nspname AS schema, c.relname AS name, pg_table_size(c.oid) AS bytes, greatest(c.reltuples, 0) AS estimate,
      (SELECT a.attname FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
        WHERE a.attrelid = c.oid AND y.typname IN ('timestamp', 'timestamptz') AND NOT a.attisdropped
          AND a.attname IN ('updated_at', 'created_at', 'timestamp', 'calculated_at', 'collected_at')
        ORDER BY a.attname DESC LIMIT 1) AS time
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY pg_table_size(c.oid) DESC, c.relname LIMIT ${SHOWN}) t), '[]'::json))`;

interface Overview {
  bytes: number;
  tables: number;
  versioned: boolean;
  largest: { schema: string; name: string; bytes: number; estimate: number; time: string | null }[];
}

/** What is in the database, in two quick queries: for plans and for the question before a deletion. */
export async function summarizeContents(ops: Ops, db: Database) {
  const overview = await queryOne<Overview>(ops, db, OVERVIEW);
  const details = overview.largest.map((t) => {
    const from = `FROM ${identifier(t.schema)}.${identifier(t.name)}`;
    const counted = t.bytes <= COUNTED_BYTES;
    const newest = counted && t.time ? `(SELECT max(${identifier(t.time)}) ${from})` : 'NULL';
    return `SELECT json_build_object('name', ${literal(t.name)}, 'exact', ${counted},
      'rows', ${counted ? `(SELECT count(*) ${from})` : Math.round(t.estimate)}, 'newest', ${newest})`;
  });
  const revision = overview.versioned
    ? "SELECT json_build_object('revision', (SELECT min(version_num) FROM public.alembic_version))"
    : "SELECT json_build_object('revision', NULL)";
  const [version, ...rows] = (await query(ops, db, [revision, ...details].join(' UNION ALL '))) as [
    { revision: string | null },
    ...{ name: string; rows: number; exact: boolean; newest: string | null }[],
  ];
  return {
    bytes: overview.bytes,
    tables: overview.tables,
    revision: version.revision ?? undefined,
    largest: rows.map((r): TableFacts => ({ ...r, newest: r.newest ?? undefined })),
  };
}
