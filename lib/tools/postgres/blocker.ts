import { printable } from '../../core/text.ts';

/** A session that holds a lock which somebody needs. */
export interface Blocker {
  readonly pid: number;
  /** One line for people, without the values in its query. */
  readonly description: string;
}

/** As a query of pg_stat_activity gives it. */
export interface BlockerRow {
  pid: number;
  application: string | null;
  user: string | null;
  address: string | null;
  state: string | null;
  since: string | null;
  query: string | null;
}

export function blockerOf(row: BlockerRow): Blocker {
  const from = row.address ?? 'socket';
  const query = printable(withoutValues(row.query ?? ''))
    .replace(/\s+/g, ' ')
    .slice(0, 80);
  return {
    pid: row.pid,
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
