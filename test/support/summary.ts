/** What a summary says became of the requests that one of a script's own probes sent. */
export interface Told {
  readonly failed: number;
  readonly sent: number;
  /** The longest that one waited for its answer, milliseconds. */
  readonly longestMs: number;
}

const ROWS = /^\s+(requests|production was down|users noticed) {2}/;
// `nginx 0/120, 31 ms, 12 ms` of a hot update, `nginx 0 of 120 requests failed, longest wait 4.5 s` of the others.
const WAY =
  /([\w-]+) (\d+)(?:\/(\d+)(?: \([^)]*\))?, ([\d.]+) ms|(?: of (\d+) requests failed, longest wait ([\d.]+) s))/g;

/** By the names of the ways: `nginx`, `direct`, `pages`, `https`, and programs. */
export function toldIn(text: string): ReadonlyMap<string, Told> {
  const rows = text.split('\n').filter((line) => ROWS.test(line));
  const ways = rows.flatMap((row) => [...row.matchAll(WAY)]);
  return new Map(
    ways.map(([, name = '', failed, hot, ms, of, s]) => [
      name,
      { failed: Number(failed), sent: Number(hot ?? of), longestMs: ms ? Number(ms) : Number(s) * 1000 },
    ]),
  );
}
