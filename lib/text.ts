/** A sentence for people, in both languages of this tool. A missing one does not compile. */
export interface Text {
  readonly en: string;
  readonly zh: string;
}

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
