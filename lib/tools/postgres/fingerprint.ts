import { z } from 'zod';

const named = { schema: z.string(), name: z.string() };

/**
 * What a database holds, in a form that two databases can be compared by. Hashes are sums over all rows, so the order
 * of rows does not matter and a doubled row is noticed. Wide numbers are decimal text.
 */
export const contentsSchema = z.strictObject({
  /** Alembic's revision; several heads joined by a comma, '' for an emptied table, null without the table. */
  alembic: z.string().nullable(),
  /** Tables with rows of their own: partitions, not their parents; not those that an extension fills. */
  tables: z.array(z.strictObject({ ...named, rows: z.int(), hash: z.string() })),
  sequences: z.array(
    z.strictObject({
      ...named,
      lastValue: z.string(),
      isCalled: z.boolean(),
      /** Its value after the dump, when the application drew numbers meanwhile: sequences are in no snapshot. */
      upTo: z.string().optional(),
    }),
  ),
  extensions: z.array(z.strictObject({ name: z.string(), version: z.string() })),
  largeObjects: z.strictObject({ count: z.int(), hash: z.string() }),
  /** How many of each: tables, indexes, views, functions, triggers, constraints, columns, defaults, policies, grants, types, … */
  objects: z.record(z.string(), z.int()),
});

export type Contents = z.infer<typeof contentsSchema>;
export type Sequences = Contents['sequences'];

/** Everything that changes how a value is written as text, or what a query may see. */
export const PINNED = `SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET search_path = pg_catalog;
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET lc_monetary = 'C';
SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET row_security = off;
SET statement_timeout = 0; SET lock_timeout = '5s';
SELECT format('SET %I = 0', name) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')
\\gexec`;

/** What a dump has of {@link RELATIONS}: nothing of an extension's own, which comes with it. */
export const OURS = `n.nspname !~ '^pg_(catalog|toast|temp)' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')`;
export const RELATIONS = 'pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace';

/** Prints a line for each sequence. They are outside of every transaction: this is their value now. */
export const SEQUENCES = `
SELECT format('SELECT json_build_object(''is'', ''sequence'', ''schema'', %L::text, ''name'', %L::text,
    ''lastValue'', last_value::text, ''isCalled'', is_called) FROM %I.%I', n.nspname, c.relname, n.nspname, c.relname)
  FROM ${RELATIONS} WHERE c.relkind = 'S' AND ${OURS} ORDER BY n.nspname, c.relname
\\gexec
`;

// Columns by name: a restored table that inherits may have them in another order.
const TABLES = `
SELECT format('SELECT json_build_object(''is'', ''table'', ''schema'', %L::text, ''name'', %L::text, ''rows'', count(*),
    ''hash'', coalesce(sum(hashtextextended(ROW(%s)::text COLLATE "C", 0)), 0)::text) FROM ONLY %I.%I AS t',
    n.nspname, c.relname, (SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attname COLLATE "C")
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), n.nspname, c.relname)
  FROM ${RELATIONS} WHERE c.relkind = 'r' AND ${OURS} ORDER BY n.nspname, c.relname
\\gexec
`;

const ALEMBIC = `
SELECT format('SELECT json_build_object(''is'', ''alembic'', ''revision'',
    coalesce(string_agg(version_num::text, '','' ORDER BY version_num), '''')) FROM %I.alembic_version', n.nspname)
  FROM ${RELATIONS} WHERE c.relname = 'alembic_version' AND c.relkind IN ('r', 'p') AND ${OURS}
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'version_num')
  ORDER BY n.nspname = 'public' DESC, n.nspname LIMIT 1
\\gexec
`;

// Pages without the zeros around their data: pg_dump fills holes, and a hole and a page of zeros are the same content.
const REST = `
SELECT json_build_object('is', 'extension', 'name', extname, 'version', extversion) FROM pg_extension ORDER BY extname;
SELECT json_build_object('is', 'largeObjects', 'count', (SELECT count(*) FROM pg_largeobject_metadata), 'hash',
  coalesce(sum(hashtextextended(loid || ' ' || pageno || ' ' || md5(btrim(data, '\\x00')), 0)), 0)::text)
  FROM pg_largeobject WHERE btrim(data, '\\x00') <> '';
SELECT json_build_object('is', 'objects', 'counts', (SELECT json_object_agg(kind, number) FROM (
  SELECT 'relation ' || c.relkind::text AS kind, count(*) AS number FROM ${RELATIONS}
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I') AND ${OURS} AND coalesce(i.indisvalid, true) GROUP BY c.relkind
  UNION ALL SELECT 'functions', count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_(catalog|toast|temp)' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
  UNION ALL SELECT 'triggers', count(*) FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgparentid = 0
  -- By kind, because from PostgreSQL 18 on NOT NULL is one, too.
  UNION ALL SELECT 'constraint ' || k.contype::text, count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND ${OURS} GROUP BY k.contype
  UNION ALL SELECT 'columns', count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OURS}
  UNION ALL SELECT 'not null', count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND c.relkind IN ('r', 'p', 'f') AND ${OURS}
  UNION ALL SELECT 'defaults', count(*) FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE ${OURS}
  UNION ALL SELECT 'policies', count(*) FROM pg_policy
  UNION ALL SELECT 'rules', count(*) FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE r.rulename <> '_RETURN' AND ${OURS}
  UNION ALL -- From PostgreSQL 17 on an owner has MAINTAIN, too. A list that says what holds without one is not dumped.
  SELECT 'grants', count(*) FROM ${RELATIONS} CROSS JOIN acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner) d
    CROSS JOIN aclexplode(c.relacl) a WHERE a.privilege_type <> 'MAINTAIN' AND NOT (c.relacl @> d AND d @> c.relacl) AND ${OURS}
  UNION ALL -- Each new database has public.
  SELECT 'schemas', 1 + count(*) FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
  UNION ALL SELECT 'types', count(*) FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace
    WHERE y.typtype IN ('d', 'e', 'r') AND n.nspname !~ '^pg_(catalog|toast|temp)' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = y.oid AND e.deptype = 'e')
  UNION ALL SELECT 'enum labels', count(*) FROM pg_enum
  UNION ALL SELECT 'event triggers', count(*) FROM pg_event_trigger
  UNION ALL SELECT 'publications', count(*) FROM pg_publication
  UNION ALL SELECT 'subscriptions', count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
    WHERE d.datname = current_database()
) AS counted));
`;

/** Prints the contents, a JSON object a line; for a psql whose session is {@link PINNED}. */
export const CONTENTS = `${TABLES}${ALEMBIC}${REST}`;

const lineSchema = z.discriminatedUnion('is', [
  z.strictObject({ is: z.literal('table'), ...contentsSchema.shape.tables.element.shape }),
  z.strictObject({ is: z.literal('sequence'), ...contentsSchema.shape.sequences.element.shape }),
  z.strictObject({ is: z.literal('alembic'), revision: z.string() }),
  z.strictObject({ is: z.literal('extension'), ...contentsSchema.shape.extensions.element.shape }),
  z.strictObject({ is: z.literal('largeObjects'), ...contentsSchema.shape.largeObjects.shape }),
  z.strictObject({ is: z.literal('objects'), counts: contentsSchema.shape.objects }),
]);

const sequenceLine = contentsSchema.shape.sequences.element.strip();

/** What {@link SEQUENCES} prints. */
export const parseSequences = (lines: readonly string[]): Sequences =>
  lines.map((line) => sequenceLine.parse(JSON.parse(line)));

/** @throws {Error} when a line is not one of ours, or the answer is not whole. */
export function parseContents(lines: readonly string[]): Contents {
  const parsed = lines.filter((l) => l !== '').map((l) => lineSchema.parse(JSON.parse(l)));
  const of = <K extends (typeof parsed)[number]['is']>(kind: K) =>
    parsed
      .filter((l): l is Extract<(typeof parsed)[number], { is: K }> => l.is === kind)
      .map(({ is: _, ...rest }) => rest);
  const [largeObjects] = of('largeObjects');
  const [objects] = of('objects'); // the last to be asked for
  if (!largeObjects || !objects) throw new Error('the answer about the contents of the database is not whole');
  return contentsSchema.parse({
    alembic: of('alembic')[0]?.revision ?? null,
    tables: of('table'),
    sequences: of('sequence'),
    extensions: of('extension'),
    largeObjects,
    objects: objects.counts,
  });
}
