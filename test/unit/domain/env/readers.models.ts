// How compose and bash read a `.env` file, written down independently of lib/domain/env so that generated files can be compared
// without starting either. The table of measurements holds the models to the truth.

/** Names and values, or `undefined` where the reader gives up, executes something, or the model does not go so far. */
type Model = (text: string) => Map<string, string> | undefined;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** compose-go's dotenv package: `unicode.IsSpace` is trimmed, ` #` begins a comment, double quotes unescape. */
export const composeModel: Model = (text) => {
  const values = new Map<string, string>();
  let rest = text;
  for (;;) {
    rest = rest.replace(/^(?:[\s\u0085]+|#[^\n]*)+/u, '');
    if (rest === '') return values;
    const m = /^(?:export\s+)?([\p{L}\p{N}_.\-[\]]+)[ \t\v\f\r\u0085\u00a0]*[=:][ \t\v\f\r\u0085\u00a0]*/u.exec(rest);
    if (!m?.[1]) return undefined;
    rest = rest.slice(m[0].length);
    const quote = rest[0];
    let value: string | undefined;
    if (quote === "'" || quote === '"') {
      const end = rest.indexOf(quote, 1);
      if (end < 0) return undefined;
      value = rest.slice(1, end);
      if (value.includes('\\')) return undefined; // escapes: beyond this model
      rest = rest.slice(end + 1);
    } else {
      const [line = ''] = rest.split('\n', 1);
      rest = rest.slice(line.length + 1);
      value = (line.split(' #')[0] ?? '').replace(/(?:(?!\ufeff)[\s\u0085])+$/u, '');
    }
    if (quote !== "'") value = substituted(value, values);
    if (value === undefined) return undefined;
    values.set(m[1], value);
  }
};

function substituted(value: string, values: ReadonlyMap<string, string>): string | undefined {
  let broken = false;
  const result = value.replace(/\$(?:\$|\{([^}]*)\}?|([A-Za-z_]\w*))?/g, (whole, braced?: string, bare?: string) => {
    if (whole === '$') return '$';
    if (whole === '$$') return '$';
    const name = braced ?? bare ?? '';
    if (!NAME.test(name) || (braced !== undefined && !whole.endsWith('}'))) broken = true;
    return values.get(name) ?? '';
  });
  return broken ? undefined : result;
}

/** bash reading assignments, one word each; whatever is more than that (commands, redirections, `$(…)`) is `undefined`. */
export const bashModel: Model = (text) => {
  const values = new Map<string, string>();
  let i = 0;
  const skipBlanks = () => {
    while (text[i] === ' ' || text[i] === '\t') i += 1;
  };
  const reference = (literal: RegExp): string | undefined => {
    const m = /^\$\{([A-Za-z_]\w*)\}|^\$([A-Za-z_]\w*)/.exec(text.slice(i));
    if (m) {
      i += m[0].length;
      return values.get(m[1] ?? m[2] ?? '') ?? '';
    }
    // A `$` before a character that begins no expansion stands for itself.
    if (literal.test(text.slice(i))) {
      i += 1;
      return '$';
    }
    return undefined;
  };
  while (i < text.length) {
    skipBlanks();
    if (text[i] === '\n') i += 1;
    else if (text[i] === '#') while (i < text.length && text[i] !== '\n') i += 1;
    else if (i < text.length) {
      const m = /^(?:export[ \t]+)?([A-Za-z_]\w*)=/.exec(text.slice(i));
      if (!m?.[1]) return undefined;
      i += m[0].length;
      let value = '';
      while (i < text.length && !/[ \t\n]/.test(text[i] as string)) {
        const c = text[i] as string;
        if (c === "'" || c === '"') {
          i += 1;
          while (i < text.length && text[i] !== c) {
            if (c === '"' && /[\\`]/.test(text[i] as string)) return undefined;
            if (c === '"' && text[i] === '$') {
              const part = reference(/^\$(?:$|[\s"%+,./:=@\]^}~\u0080-\uffff])/);
              if (part === undefined) return undefined;
              value += part;
            } else {
              value += text[i];
              i += 1;
            }
          }
          if (i >= text.length) return undefined;
          i += 1;
        } else if (c === '$') {
          const part = reference(/^\$(?:$|[\s%+,./:=@\]^}~\u0080-\uffff])/);
          if (part === undefined) return undefined;
          value += part;
        } else if (/[\\`;&|<>()]/.test(c) || (c === '~' && (value === '' || value.endsWith(':')))) {
          return undefined;
        } else {
          value += c;
          i += 1;
        }
      }
      values.set(m[1], value);
      skipBlanks();
      if (i < text.length && text[i] !== '\n' && text[i] !== '#') return undefined;
    }
  }
  return values;
};
