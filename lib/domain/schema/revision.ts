import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { type Database, query } from '../../tools/postgres/psql.ts';
import { PROBES, type Probe } from './revision-probes.ts';

/** What state a database's schema is in. */
export type Schema =
  /** No tables of anybody's: nothing can be lost by creating them. */
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'versioned';
      readonly revision: string;
      /** A later revision that the tables themselves show: the stamp is too low, and an upgrade from it would fail. */
      readonly looksLike?: string;
    }
  /** Tables without Alembic's stamp; `revision` is what they show. */
  | { readonly kind: 'unversioned'; readonly tables: number; readonly revision: string };

interface Answer {
  /** Tables without `alembic_version`. */
  readonly tables: number;
  /** Null when there is no table `alembic_version`. */
  readonly versions: readonly string[] | null;
  readonly probes: readonly boolean[];
}

// A query in a text, because a table that may not be there can't be named in plain SQL.
const VERSIONS = `CASE WHEN to_regclass('alembic_version') IS NOT NULL THEN
  (SELECT coalesce(json_agg(v::text), '[]') FROM unnest(xpath('//version_num/text()',
    query_to_xml('SELECT version_num FROM alembic_version', false, false, ''))) AS v) END`;

const TABLES = `(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND c.relname <> 'alembic_version')`;

/** Everything in one query: one state of the database. */
export const SCHEMA_SQL = `SELECT json_build_object('tables', ${TABLES}, 'versions', ${VERSIONS}, 'probes',
  json_build_array(${PROBES.map((p) => p.sql).join(',\n  ')}))`;

/**
 * Finds out what state the schema is in. A failing query is an error and never an empty database.
 *
 * @throws {OpsError} `precondition` when the stamp is missing from its table or there are several, or when tables
 * without a stamp show no known revision, or contradict one another.
 */
export async function inspectSchema(ops: Ops, db: Database): Promise<Schema> {
  const rows = await query<Answer>(ops, db, SCHEMA_SQL);
  const [answer] = rows;
  if (rows.length !== 1 || answer === undefined || answer.probes.length !== PROBES.length) {
    throw new Error('the database gave no answer about its schema');
  }
  return judge(answer);
}

/** The policy behind {@link inspectSchema}. */
export function judge({ tables, versions, probes }: Answer): Schema {
  const [revision, ...more] = versions ?? [];
  if (more.length > 0) throw manyStamps(versions ?? []);
  if (revision !== undefined) {
    const shown = infer(probes);
    const highest = shown.kind === 'clear' ? (PROBES[shown.index] as Probe).revision : '';
    // WhaleFall's revisions are times, so they compare as text.
    const tooLow = /^\d{14}$/.test(revision) && highest > revision;
    return { kind: 'versioned', revision, ...(tooLow ? { looksLike: highest } : {}) };
  }
  if (tables === 0) return { kind: 'empty' };
  // An emptied stamp is somebody's doing: guessing over it could undo what they meant.
  if (versions !== null) throw emptyStamp(tables);
  const shown = infer(probes);
  if (shown.kind !== 'clear') throw unclear(tables, shown);
  return { kind: 'unversioned', tables, revision: (PROBES[shown.index] as Probe).revision };
}

type Inference =
  | { readonly kind: 'none' }
  | { readonly kind: 'clear'; readonly index: number }
  /** Later probes hold although earlier ones don't. */
  | { readonly kind: 'gap'; readonly holding: readonly Probe[]; readonly missing: readonly Probe[] };

/** The highest probe that holds, if all lower ones hold too. */
function infer(probes: readonly boolean[]): Inference {
  const highest = probes.lastIndexOf(true);
  if (highest < 0) return { kind: 'none' };
  const firstMissing = probes.indexOf(false);
  if (firstMissing < 0 || firstMissing > highest) return { kind: 'clear', index: highest };
  return {
    kind: 'gap',
    holding: PROBES.filter((_, i) => i > firstMissing && probes[i]),
    missing: PROBES.filter((_, i) => i < highest && !probes[i]),
  };
}

const STAMP_BY_HAND = {
  en: 'Find out which release wrote this database, and stamp its revision by hand: flask --app app:create_app db stamp <revision>. Then run this script again.',
  zh: '请先确认该数据库由哪个版本写入, 再手动标记其 revision: flask --app app:create_app db stamp <revision>, 然后重新运行本脚本.',
};

function manyStamps(versions: readonly string[]): OpsError {
  return unmet(
    {
      en: `The table alembic_version has ${versions.length} revisions (${versions.join(', ')}); this application has one line of revisions.`,
      zh: `alembic_version 表中有 ${versions.length} 个 revision (${versions.join(', ')}), 而本应用的迁移链只有一条.`,
    },
    STAMP_BY_HAND,
  );
}

function emptyStamp(tables: number): OpsError {
  return unmet(
    {
      en: `The table alembic_version is empty, but the database has ${tables} tables.`,
      zh: `alembic_version 表为空, 但数据库中有 ${tables} 张表.`,
    },
    STAMP_BY_HAND,
  );
}

function unclear(tables: number, shown: Exclude<Inference, { kind: 'clear' }>): OpsError {
  const list = (probes: readonly Probe[]) => probes.map((p) => `\n  - ${p.revision}: ${p.shows}`).join('');
  return unmet(
    shown.kind === 'none'
      ? {
          en: `The database has ${tables} tables without a revision, and they are not those of any known release.`,
          zh: `数据库中有 ${tables} 张表但没有 revision, 且与任何已知版本的结构都不符.`,
        }
      : {
          en: `The database has ${tables} tables without a revision, and they contradict one another.\nThis is there:${list(shown.holding)}\nAlthough this, which came before, is not:${list(shown.missing)}`,
          zh: `数据库中有 ${tables} 张表但没有 revision, 且结构互相矛盾.\n已存在:${list(shown.holding)}\n但更早的这些却不存在:${list(shown.missing)}`,
        },
    STAMP_BY_HAND,
  );
}
