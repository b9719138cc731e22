/** Options of a call and what is left of it. */
export interface Parsed {
  readonly on: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly rest: readonly string[];
}

/**
 * Reads options up to the first word that is none. One that is not named here is not modelled.
 *
 * @param bare without a value, such as `-a`
 * @param valued with one, such as `--name`
 */
export function parseFlags(words: readonly string[], bare: string, valued = ''): Parsed {
  const [switches, takers] = [bare, valued].map((s) => new Set(s.split(' ').filter(Boolean))) as [
    Set<string>,
    Set<string>,
  ];
  const on = new Set<string>();
  const values = new Map<string, string[]>();
  let at = 0;
  for (; words[at]?.startsWith('-') && words[at] !== '-'; at += 1) {
    const flag = words[at] as string;
    if (switches.has(flag)) on.add(flag);
    else if (takers.has(flag)) {
      at += 1;
      values.set(flag, [...(values.get(flag) ?? []), words[at] ?? '']);
    } else throw new Error(`not modelled: option ${flag} of ${words.join(' ')}`);
  }
  return { on, values, rest: words.slice(at) };
}

export const one = (parsed: Parsed, flag: string): string | undefined => parsed.values.get(flag)?.[0];
export const many = (parsed: Parsed, flag: string): readonly string[] => parsed.values.get(flag) ?? [];

/** `--label` options as a map. */
export const labelsOf = (parsed: Parsed): Record<string, string> =>
  Object.fromEntries(many(parsed, '--label').map((l) => l.split(/=(.*)/s).slice(0, 2)));

export function unknown(what: string): never {
  throw new Error(`not modelled: ${what}`);
}
