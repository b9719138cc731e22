import type { Ops } from '../../core/ops.ts';
import { CommandError } from '../../core/run.ts';
import { OURS, RELATIONS } from './fingerprint.ts';
import { type Database, query } from './psql.ts';

/** Larger tables are estimated: this is for a question, and the answer should come at once. */
const COUNTED_BYTES = 64_000_000;

export interface RowCount {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
  /** False: the statistics' estimate. */
  readonly exact: boolean;
}

// A query in a text, so that one statement can count every table there is: the same tables and rows as a backup's manifest counts.
const COUNTS = `SELECT json_build_object('schema', n.nspname, 'name', c.relname, 'exact', pg_table_size(c.oid) <= ${COUNTED_BYTES},
  'rows', CASE WHEN pg_table_size(c.oid) <= ${COUNTED_BYTES}
    THEN (xpath('//c/text()', query_to_xml(format('SELECT count(*) AS c FROM ONLY %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint
    ELSE greatest(c.reltuples, 0)::bigint END)
  FROM ${RELATIONS} WHERE c.relkind = 'r' AND ${OURS} ORDER BY n.nspname, c.relname`;

/** The rows of every table, as they are now; for a question, which is asked whether or not they can be counted. Says who has a table locked. */
export async function countRows(ops: Ops, db: Database): Promise<RowCount[] | undefined> {
  return query<RowCount>(ops, db, COUNTS).catch((error: unknown) => {
    if (!(error instanceof CommandError) || ops.signal.aborted) throw error;
    ops.screen.show({ event: 'warning', text: error.what, fix: error.next[0] });
    return undefined;
  });
}
