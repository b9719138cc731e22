import type { Ops } from '../../core/ops.ts';
import { type PgServer, query } from '../../tools/postgres/psql.ts';

/** What a schema is made of: each object's name (`column public.notes.text`) with its definition. */
export type SchemaObjects = ReadonlyMap<string, string>;

const OURS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;
const RELATIONS = `(SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OURS} AND c.relpersistence <> 't')`;

/** A row each: its name, and all of what it is. The catalog alone: no table is read, but the one with the revision. */
export const SCHEMA_OBJECTS = `
SELECT json_build_array((CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'f' THEN 'foreign table '
    ELSE 'table ' END) || c.name, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)
  FROM ${RELATIONS} c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL SELECT json_build_array('column ' || c.name || '.' || quote_ident(a.attname), concat_ws(' ',
    format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)))
  FROM ${RELATIONS} c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE c.relkind IN ('r', 'p', 'm', 'f')
UNION ALL SELECT json_build_array(CASE WHEN i.indisvalid THEN 'index ' ELSE 'invalid index ' END || c.name, pg_get_indexdef(c.oid))
  FROM ${RELATIONS} c JOIN pg_index i ON i.indexrelid = c.oid
UNION ALL SELECT json_build_array('constraint ' || quote_ident(k.conname) || ' on ' || c.name,
    concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated)) FROM ${RELATIONS} c JOIN pg_constraint k ON k.conrelid = c.oid
UNION ALL SELECT json_build_array('trigger ' || quote_ident(t.tgname) || ' on ' || c.name, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled))
  FROM ${RELATIONS} c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
UNION ALL SELECT json_build_array('sequence ' || c.name, concat_ws(' ', s.seqtypid, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle))
  FROM ${RELATIONS} c JOIN pg_sequence s ON s.seqrelid = c.oid
UNION ALL SELECT json_build_array('function ' || p.oid::regprocedure, md5(concat_ws(' ', p.prosrc, p.prorettype, p.proconfig, p.provolatile)))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${OURS}
UNION ALL SELECT json_build_array('type ' || y.oid::regtype, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
    FROM pg_enum e WHERE e.enumtypid = y.oid)) FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace
  WHERE ${OURS} AND y.typtype IN ('e', 'd', 'r')
UNION ALL SELECT json_build_array('extension ' || extname, extversion) FROM pg_extension
UNION ALL SELECT json_build_array('schema ' || n.nspname, NULL) FROM pg_namespace n WHERE ${OURS}
UNION ALL SELECT json_build_array('the alembic revision', CASE WHEN to_regclass('alembic_version') IS NOT NULL
    THEN query_to_xml('SELECT version_num FROM alembic_version ORDER BY 1', false, false, '')::text END)`;

/** @throws {CommandError} */
export async function schemaObjects(ops: Ops, db: PgServer): Promise<SchemaObjects> {
  const rows = await query<[string, string | null]>(ops, db, SCHEMA_OBJECTS);
  return new Map(rows.map(([name, definition]) => [name, definition ?? '']));
}

/** What is not in the schema now as it was in `before`: names only, since definitions may hold values. @throws {CommandError} */
export async function changesSince(ops: Ops, db: PgServer, before: SchemaObjects): Promise<string[]> {
  const now = await schemaObjects(ops, db);
  const names = [...new Set([...before.keys(), ...now.keys()])].sort();
  return names.filter((name) => before.get(name) !== now.get(name));
}
