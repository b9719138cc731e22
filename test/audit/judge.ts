import { z } from 'zod';

const SERIOUS = ['high', 'critical'];

const answered = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({ severity: z.string(), range: z.string(), via: z.array(z.unknown()).default([]) }),
  ),
});
/** npm's words for an answer that was none; its own faults (no lockfile) have a code and a summary instead of a message. */
const notAsked = z.object({ message: z.string(), statusCode: z.int().optional() });

export type Verdict =
  | { readonly kind: 'clean' | 'vulnerable'; readonly lines: readonly string[] }
  /** The registry, or what stands for it here, has no answer: that says nothing about the dependencies. */
  | { readonly kind: 'not-asked'; readonly why: string };

/** What `npm audit --json` means. @throws {Error} for what it could say of its own faults, such as a missing lockfile. */
export function judge(stdout: string): Verdict {
  const said: unknown = JSON.parse(stdout);
  const failure = notAsked.safeParse(said);
  if (failure.success) {
    const { statusCode } = failure.data;
    return { kind: 'not-asked', why: statusCode === undefined ? 'not reached' : `HTTP ${statusCode}` };
  }
  const found = Object.entries(answered.parse(said).vulnerabilities);
  const lines = found.map(([name, { severity, range, via }]) => `${severity}: ${name} ${range}${titles(via)}`);
  return { kind: found.some(([, { severity }]) => SERIOUS.includes(severity)) ? 'vulnerable' : 'clean', lines };
}

const titles = (via: readonly unknown[]): string =>
  via
    .map((v) => z.object({ title: z.string() }).safeParse(v).data?.title)
    .filter(Boolean)
    .map((t) => `; ${t}`)
    .join('');
