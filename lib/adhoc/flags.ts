import { misuse } from '../core/refusal.ts';
import { COMMON_FLAGS, type Flags, type Parsed } from '../runs/command-line/flags.ts';
import { textOf, type Words } from './words.ts';

/** Options of a script by their names; `--lines N`, `--all`. */
export type OwnFlags = Readonly<Record<string, OwnFlag>>;

export type OwnFlag = { readonly help: Words } & (
  | { readonly type: 'boolean' }
  /** A whole number from 1 on. */
  | { readonly type: 'count'; readonly default?: number }
  | { readonly type: 'string'; readonly choices?: readonly string[]; readonly default?: string }
);

type Value<F extends OwnFlag> = F extends { readonly type: 'boolean' }
  ? boolean
  : F extends { readonly type: 'count' }
    ? F extends { readonly default: number }
      ? number
      : number | undefined
    : F extends { readonly default: string }
      ? string
      : string | undefined;

/** What was typed, or the default. */
export type FlagValues<F extends OwnFlags> = { readonly [K in keyof F]: Value<F[K]> };

/** As the command line reads them. @throws {OpsError} `usage` for a name that every script has already. */
export function declared(flags: OwnFlags): Flags {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]): [string, Flags[string]] => {
      if (Object.hasOwn(COMMON_FLAGS, name)) {
        throw misuse({ en: `Every script has --${name} already.`, zh: `--${name} 是所有脚本共有的选项.` });
      }
      const help = withDefault(flag);
      if (flag.type === 'count') return [name, { type: 'string', count: true, value: 'N', help }];
      if (flag.type === 'string')
        return [name, { type: 'string', help, ...(flag.choices && { choices: flag.choices }) }];
      return [name, { type: 'boolean', help }];
    }),
  );
}

function withDefault(flag: OwnFlag) {
  const { en, zh } = textOf(flag.help);
  if (!('default' in flag)) return { en, zh };
  return { en: `${en} (default ${flag.default})`, zh: `${zh} (默认 ${flag.default})` };
}

export function valuesOf<F extends OwnFlags>(flags: F, parsed: Parsed): FlagValues<F> {
  const values = Object.entries(flags).map(([name, flag]) => {
    const typed = parsed[name];
    if (flag.type === 'boolean') return [name, typed === true];
    if (typed === undefined) return [name, flag.default];
    return [name, flag.type === 'count' ? Number(typed) : typed];
  });
  return Object.fromEntries(values) as FlagValues<F>;
}
