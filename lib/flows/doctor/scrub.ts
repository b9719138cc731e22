const GONE = '[removed]';

/** What only looks like a secret: nobody has registered it, and it may be one of another system's. */
const LOOKS_SECRET: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@]+@/gi, `$1:${GONE}@`],
  [/\b(authorization|cookie|set-cookie|x-api-key)(["']?\s*[:=]\s*)[^\r\n]+/gi, `$1$2${GONE}`],
  [/([:=]\s*["']?)(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1$2 ${GONE}`],
  [/\b([\w-]*(?:password|passwd|pwd|secret|token|api_?key)[\w-]*)(["']?\s*[:=]\s*["']?)[^\s"',;&]+/gi, `$1$2${GONE}`],
  [/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}/g, GONE],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, GONE],
  [/(\s\/[^\s?]*)\?[^\s"]+/g, `$1?${GONE}`],
];

/** A text that leaves this machine, without what looks like a secret. After the redactor, which knows those that are ours. */
export const scrubbed = (text: string): string =>
  LOOKS_SECRET.reduce((clean, [pattern, instead]) => clean.replace(pattern, instead), text);
