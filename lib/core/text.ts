/** A sentence for people, in both languages of this tool. A missing one does not compile. */
export interface Text {
  readonly en: string;
  readonly zh: string;
}

/** How texts name a script of this tool: as it is typed in the tool's own directory. */
export const SCRIPTS = 'npx tsx scripts/';

/** What reads the same in both languages: names, numbers, paths, commands. */
export const same = (text: string): Text => ({ en: text, zh: text });

/** Its first line. */
export const headline = ({ en, zh }: Text): Text => ({ en: en.split('\n')[0] ?? '', zh: zh.split('\n')[0] ?? '' });

/** Several sentences as one. */
export const joined = (texts: readonly Text[], by = '; '): Text => ({
  en: texts.map((text) => text.en).join(by),
  zh: texts.map((text) => text.zh).join(by),
});

/** In a list: what is made of something, where there is such a thing. */
export const given = <V, T>(value: V, make: (value: Exclude<V, undefined | null | false | 0 | ''>) => T): T[] =>
  value ? [make(value as Parameters<typeof make>[0])] : [];

export type Language = keyof Text;

/** Chinese when the locale says so (LC_ALL, LC_MESSAGES, LANG, in the order of setlocale(3)), else English. */
export function languageOf(env: Readonly<Record<string, string | undefined>>): Language {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return /^zh/i.test(locale) ? 'zh' : 'en';
}

// What a terminal obeys instead of showing it; what has no width, or turns the direction of text around; separators of lines that few know;
// and halves of characters, which no encoding has. Line ends and tabs are for whoever shows a text.
const UNSEEN = /(?![\n\t])\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}/gu;

/** Foreign text (names, messages, log lines) with what can't be seen in it made visible. Done again, it changes nothing. */
export function printable(foreign: string): string {
  return foreign.replace(UNSEEN, (c) => `\\x${(c.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`);
}

/** What is in a URL without its escapes; what has none that can be read, as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** JSON that a terminal can show as well; it means the same value. */
export function json(value: unknown): string {
  const units = (c: string) => c.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return JSON.stringify(value).replace(UNSEEN, (c) => units(c).join(''));
}

/** `512 B`, `40.2 MB`: powers of 1000, as `df -H` and disk makers count. */
export function humanBytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

type Unit = readonly [milliseconds: number, en: string, zh: string];

const SECOND: Unit = [1_000, 's', '秒'];
const UNITS: readonly Unit[] = [[86_400_000, 'd', '天'], [3_600_000, 'h', '小时'], [60_000, 'min', '分钟'], SECOND];

/** A limit as it was set, nothing rounded away: `1 h 30 min`, `45 s`. */
export function limitText(milliseconds: number): Text {
  let left = milliseconds;
  const parts = UNITS.flatMap(([size, en, zh]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count > 0 ? [{ en: `${count} ${en}`, zh: `${count} ${zh}` }] : [];
  });
  return parts.length > 0 ? joined(parts, ' ') : { en: '0 s', zh: '0 秒' };
}

/** `3 d`, `25 min`, `12 s`. A clock that was set back gives `0 s`. */
export function spanText(span: number): Text {
  const [size, en, zh] = UNITS.find(([unit]) => span >= unit * 2) ?? SECOND;
  const count = Math.max(0, Math.floor(span / size));
  return { en: `${count} ${en}`, zh: `${count} ${zh}` };
}

/** `340 ms`, `2.4 s`, `3 min 05 s`. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const s = Math.round(milliseconds / 1000);
  return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
}
