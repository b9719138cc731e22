import type { Text } from '../../core/text.ts';
import { CAUSES } from './causes.ts';
import type { EnvLine } from './lines.ts';

/** A value that compose, dotenv and `source` take from the file alike, before `${NAME}` is replaced in it. */
interface Accepted {
  readonly raw: string;
  readonly quote: '' | "'" | '"';
}

const CONTROL = /\p{Cc}|[\u2028\u2029]/u;
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * Accepts only what was measured to be read alike (test/unit/domain/env/readers.table.ts); everything else is a cause, although
 * some of it would happen to agree. Nothing is executed.
 */
export function acceptValue(line: Pick<EnvLine, 'raw' | 'open'>): Accepted | Text {
  if (line.open) return CAUSES.openQuote;
  const quote = line.raw[0];
  if (quote === "'" || quote === '"') return acceptQuoted(line.raw, quote);
  // A comment needs a value before it: compose takes `A= # text` for the value `# text`.
  const raw = line.raw.replace(/(?<=[^ \t]) +#.*$/s, '').replace(/[ \t]+$/, '');
  return unquotedCause(raw) ?? { raw, quote: '' };
}

function acceptQuoted(text: string, quote: "'" | '"'): Accepted | Text {
  if (text.includes('\\')) return CAUSES.backslash;
  const end = text.indexOf(quote, 1);
  const raw = text.slice(1, end);
  if (!/^(?:[ \t]+#.*|[ \t]*)$/s.test(text.slice(end + 1))) return CAUSES.quoteInside;
  if (CONTROL.test(raw.replaceAll('\t', ''))) return CAUSES.control;
  if (quote === '"') {
    if (/`|\$\(/.test(raw)) return CAUSES.executes;
    const cause = dollarCause(raw);
    if (cause) return cause;
  }
  return { raw, quote };
}

function unquotedCause(raw: string): Text | undefined {
  if (CONTROL.test(raw.replaceAll('\t', ' '))) return CAUSES.control;
  if (/`|\$\(/.test(raw)) return CAUSES.executes;
  if (raw.includes('\\')) return CAUSES.backslash;
  if (raw.includes('#')) return CAUSES.hash;
  if (/['"]/.test(raw)) return CAUSES.quoteInside;
  const dollar = dollarCause(raw);
  if (dollar) return dollar;
  if (/\s/.test(raw)) return CAUSES.space; // dotenv and compose trim also the wide space, the shell does not
  if (/[;&|<>()]/.test(raw)) return CAUSES.shellCharacter;
  if (/(^|:)~/.test(raw)) return CAUSES.tilde;
  return undefined;
}

function dollarCause(raw: string): Text | undefined {
  const rest = raw.replace(REFERENCE, '');
  if (/\$\{[^}]*\}/.test(rest)) return CAUSES.defaultForm;
  return rest.includes('$') ? CAUSES.dollar : undefined;
}

/** The names that `${NAME}` refers to in an accepted value. */
export function referencesOf(value: Accepted): string[] {
  return value.quote === "'" ? [] : [...value.raw.matchAll(REFERENCE)].map((m) => m[1] as string);
}

/** Replaces every `${NAME}`; what is put in is not looked at again, as in compose and bash. */
export function expand(value: Accepted, valueFor: (name: string) => string): string {
  return value.quote === "'" ? value.raw : value.raw.replace(REFERENCE, (_, name: string) => valueFor(name));
}
