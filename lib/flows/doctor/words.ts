import { asTyped } from '../../core/run.ts';
import { printable, same, type Text } from '../../core/text.ts';

/** The same thing in both languages. */
export const t = (en: string, zh: string): Text => ({ en, zh });

/** A command to type. */
export const type = (...argv: readonly string[]): Text => same(asTyped(argv));

/** The same in a container. */
export const inside = (container: string | undefined, ...argv: readonly string[]): Text =>
  type('docker', 'exec', container ?? '?', ...argv);

/** `1 file`, `2 files`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** One of this tool's own scripts with its options. */
export const ours = (rest: string): Text => same(`npx tsx scripts/${rest}`);

/** Names in one line; when there are many, how many more. */
export function list(names: readonly string[], most = 6): string {
  const shown = names.slice(0, most).map(printable).join(', ');
  return names.length > most ? `${shown} … (+${names.length - most})` : shown;
}

/** Foreign words in one line. */
export const line = (words: string, longest = 300): string =>
  printable(words.trim().replace(/\s+/g, ' ')).slice(0, longest);

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const GIGABYTE = 1_000_000_000;
