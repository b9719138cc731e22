/** What may stand where `trust` stood. `md5` lets SCRAM verifiers in as well (by SCRAM); the reverse is not so. */
export type PasswordMethod = 'scram-sha-256' | 'md5';

/**
 * The text of a pg_hba.conf with another method in the rules that start on the given lines; all else stays byte for byte.
 *
 * @param text decoded as latin1, so that bytes of any encoding survive.
 * @param ruleLines 1-based, as the server itself reports the start of each rule (`pg_hba_file_rules.line_number`).
 * @throws {Error} a line holds no rule whose method is `trust`: the file is not the one that the server read.
 */
export function withoutRemoteTrust(text: string, ruleLines: readonly number[], method: PasswordMethod): string {
  const starts = lineStarts(text);
  // From the end, so that offsets before stay true.
  return [...new Set(ruleLines)]
    .sort((a, b) => b - a)
    .reduce((changed, line) => {
      const start = starts[line - 1];
      const span = start === undefined ? undefined : methodOf(fields(text, start));
      if (span === undefined) throw new Error(`pg_hba.conf line ${line} holds no rule with the method trust`);
      // A word may be continued on the next line; the number of lines must stay as the server knows it.
      const breaks = text.slice(span.start, span.end).match(/\\\r*\n/g) ?? [];
      return changed.slice(0, span.start) + method + breaks.join('') + changed.slice(span.end);
    }, text);
}

/** A word of a rule without its quotes, and where it stands in the text. */
interface Token {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** TYPE DATABASE USER ADDRESS [MASK] METHOD. A mask is a number, so the method is the fifth word or else the sixth. */
function methodOf(rule: readonly (readonly Token[])[]): Token | undefined {
  return [rule[4], rule[5]].find((field) => field?.length === 1 && field[0]?.value === 'trust')?.[0];
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The offsets of the characters of the rule at `start`: a backslash at a line's end continues it (PostgreSQL 14). */
function offsets(text: string, start: number): number[] {
  const result: number[] = [];
  for (let line = start; ; ) {
    const newline = text.indexOf('\n', line);
    let end = newline < 0 ? text.length : newline;
    while (end > line && text[end - 1] === '\r') end -= 1;
    const continued = newline >= 0 && end > line && text[end - 1] === '\\';
    for (let at = line; at < (continued ? end - 1 : end); at += 1) result.push(at);
    if (!continued) return result;
    line = newline + 1;
  }
}

/** Splits a rule into fields of comma-separated tokens, by the rules of the server's own reader (`next_token`, hba.c). */
function fields(text: string, start: number): Token[][] {
  const at = offsets(text, start);
  const chars = at.map((offset) => text[offset] as string);
  const result: Token[][] = [];
  let afterComma = false;
  let i = 0;
  for (;;) {
    while (i < chars.length && /[ \t\r,]/.test(chars[i] as string)) i += 1;
    if (i >= chars.length || chars[i] === '#') return result;
    const first = i;
    let value = '';
    let quoted = false;
    let justClosed = false;
    while (i < chars.length) {
      const c = chars[i] as string;
      if (!quoted && /[ \t\r,#]/.test(c)) break;
      // Within a word, a quote right after a closing one is a literal quote.
      if (c !== '"' || justClosed) value += c;
      justClosed = quoted && c === '"' ? !justClosed : false;
      if (c === '"') quoted = !quoted;
      i += 1;
    }
    const token = { value, start: at[first] as number, end: (at[i - 1] as number) + 1 };
    if (afterComma) result.at(-1)?.push(token);
    else result.push([token]);
    afterComma = chars[i] === ',';
  }
}
