import { printable } from '../../core/text.ts';

/** Who holds a lock which somebody needs. */
export interface Blocker {
  /** One line for people, without the values in its query. */
  readonly description: string;
}

/** As pg_stat_activity has a session, or pg_prepared_xacts a transaction. */
export type BlockerRow = SessionRow | PreparedRow;

interface PreparedRow {
  /** Its name. */
  prepared: string;
  user: string;
  since: string;
}

interface SessionRow {
  pid: number;
  application: string | null;
  user: string | null;
  address: string | null;
  state: string | null;
  since: string | null;
  query: string | null;
}

export function blockerOf(row: BlockerRow): Blocker {
  if ('prepared' in row) {
    const name = printable(row.prepared).replaceAll("'", "''");
    return { description: `PREPARE TRANSACTION '${name}' · ${printable(row.user)} · ${row.since}` };
  }
  const from = row.address ?? 'socket';
  const query = printable(withoutValues(row.query ?? ''))
    .replace(/\s+/g, ' ')
    .slice(0, 80);
  return {
    description: `pid ${row.pid} · ${printable(row.application || '?')} · ${printable(row.user ?? '?')} · ${from} · ${row.state ?? '?'} · ${row.since ?? '?'} · ${query}`,
  };
}

/** The query without its literals and comments, which may hold secrets; an unfinished one is cut off. */
export function withoutValues(query: string): string {
  return query.replace(
    /"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(?:\b[eE])?'(?:[^'\\]|''|\\[\s\S])*(?:'|$)|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/g,
    (match) => (match.startsWith('"') ? match : /^(--|\/\*)/.test(match) ? ' ' : "'…'"),
  );
}
