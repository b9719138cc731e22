/** A sentence for people, in both languages of this tool. A missing one does not compile. */
export interface Text {
  readonly en: string;
  readonly zh: string;
}

/** What reads the same in both languages: names, numbers, paths, commands. */
export const same = (text: string): Text => ({ en: text, zh: text });

export type Language = keyof Text;

/** Chinese when the locale says so (LC_ALL, LC_MESSAGES, LANG, in the order of setlocale(3)), else English. */
export function languageOf(env: Readonly<Record<string, string | undefined>>): Language {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return /^zh/i.test(locale) ? 'zh' : 'en';
}

/** Terminal control sequences and other control characters in foreign text (names, messages, log lines) made visible. */
export function printable(foreign: string): string {
  return foreign.replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, (c) =>
    c === '\n' || c === '\t' ? c : `\\x${(c.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
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

const UNITS: readonly (readonly [milliseconds: number, en: string, zh: string])[] = [
  [86_400_000, 'd', '天'],
  [3_600_000, 'h', '小时'],
  [60_000, 'min', '分钟'],
];

/** `3 d`, `25 min`, `12 s`. A clock that was set back gives `0 s`. */
export function spanText(span: number): Text {
  const [size, en, zh] = UNITS.find(([unit]) => span >= unit * 2) ?? [1000, 's', '秒'];
  const count = Math.max(0, Math.floor(span / size));
  return { en: `${count} ${en}`, zh: `${count} ${zh}` };
}
