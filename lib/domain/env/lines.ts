/** One statement of a `.env` file as a person sees it; nothing is interpreted yet. */
export interface EnvLine {
  /** Line of its beginning, from 1. */
  readonly number: number;
  /** `assignment`: `NAME=…`. `spaced`: `NAME = …` or `NAME: …`. `other`: neither comment nor blank. */
  readonly form: 'assignment' | 'spaced' | 'other';
  /** '' for `other`. */
  readonly name: string;
  readonly exported: boolean;
  /** Everything after the first `=`; for `other` the whole line. With an open quote, all lines up to its end. Secret. */
  readonly raw: string;
  /** A quote at the value's beginning is not closed on the same line. */
  readonly open: boolean;
}

export interface EnvLines {
  readonly lines: readonly EnvLine[];
  /** Line number of the first comment that holds a character at which some readers begin a new line. */
  readonly oddComment: number | undefined;
  readonly bom: boolean;
  /** Line number of the first Windows line end. */
  readonly crlf: number | undefined;
}

const ASSIGNMENT = /^[ \t]*(export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;
const SPACED = /^\s*(export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*[=:](.*)$/s;
const ODD = /\p{Cc}|[\u2028\u2029]/u;

/** Splits a `.env` text into statements. Line ends may be `\n` or `\r\n`. */
export function scanEnv(text: string): EnvLines {
  const bom = text.startsWith('\ufeff');
  const rows = (bom ? text.slice(1) : text).split('\n');
  const crlf = rows.findIndex((row) => row.endsWith('\r'));
  const bare = rows.map((row) => row.replace(/\r$/, ''));
  const lines: EnvLine[] = [];
  let oddComment: number | undefined;
  for (let i = 0; i < bare.length; i += 1) {
    const row = bare[i] as string;
    const number = i + 1;
    if (/^[ \t]*$/.test(row)) continue;
    if (/^[ \t]*#/.test(row)) {
      if (oddComment === undefined && ODD.test(row.replaceAll('\t', ''))) oddComment = number;
      continue;
    }
    const assignment = ASSIGNMENT.exec(row);
    const m = assignment ?? SPACED.exec(row);
    // After a line that makes no sense, `c2VjcmV0==` is rather the rest of a key than a variable whose name may be shown.
    const before = lines.at(-1);
    const strayed = before?.form === 'other' && before.number === i && !/^[A-Z][A-Z0-9_]*$/.test(m?.[2] ?? '');
    if (!m || strayed) {
      lines.push({ number, form: 'other', name: '', exported: false, raw: row, open: false });
      continue;
    }
    const rest = m[3] ?? '';
    const last = endOfQuote(bare, i, rest.trimStart());
    lines.push({
      number,
      form: assignment ? 'assignment' : 'spaced',
      name: m[2] ?? '',
      exported: m[1] !== undefined,
      raw: [rest, ...bare.slice(i + 1, last + 1)].join('\n'),
      open: last !== i || isOpen(rest.trimStart()),
    });
    i = last;
  }
  return { lines, oddComment, bom, crlf: crlf < 0 ? undefined : crlf + 1 };
}

/**
 * Index of the row in which the quote that begins `rest` ends; if nowhere, of the last row that does not look like something
 * else. What lies between belongs to a value: it must not be taken for variables of its own, whose names might be shown.
 */
function endOfQuote(rows: readonly string[], at: number, rest: string): number {
  if (!isOpen(rest)) return at;
  const quote = rest[0] as string;
  const later = rows.slice(at + 1);
  const end = later.findIndex((row) => row.includes(quote));
  if (end >= 0) return at + 1 + end;
  const next = later.findIndex((row) => /^[ \t]*(#|$|[A-Z][A-Z0-9_]*=)/.test(row));
  return next < 0 ? rows.length - 1 : at + next;
}

const isOpen = (rest: string): boolean => /^(?:'[^']*|"[^"]*)$/s.test(rest);
