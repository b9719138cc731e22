import { asTyped } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { COMMON_FLAGS, type Flags } from './flags.ts';
import type { Action, Script } from './script.ts';

type Helped = Pick<Action, 'about' | 'flags' | 'positionals'>;

/**
 * The help text of one thing to do: usage line, what it does, each word and flag.
 *
 * @param name of the script and its command, or the script's absolute path.
 */
export function helpText(name: string, action: Helped, language: keyof Text): string {
  const words = action.positionals ?? [];
  const shown = words.map((w) => (w.optional ? `[${w.name.toUpperCase()}]` : w.name.toUpperCase()));
  const flags: Flags = { ...action.flags, ...COMMON_FLAGS };
  const rows = [
    ...words.map((w) => [`  ${w.name.toUpperCase()}`, w.help[language]] as const),
    ...Object.entries(flags).map(([flag, f]) => {
      const value = f.type === 'string' ? ` ${f.choices?.join('|') ?? f.value ?? 'VALUE'}` : '';
      return [`  --${flag}${value}`, f.help[language]] as const;
    }),
  ];
  return page([usageLine(name, [...shown, '[options]'], language), '', action.about[language], '', ...table(rows)]);
}

/** The help text of a script that does several things: each with what it is for. */
export function commandsHelp(script: Extract<Script, { commands: unknown }>, language: keyof Text): string {
  const rows = Object.entries(script.commands).map(([name, c]) => [`  ${name}`, c.about[language]] as const);
  const more = { en: '<command> --help lists its options.', zh: '<命令> --help 列出该命令的选项.' }[language];
  const line = usageLine(script.name, [Object.keys(script.commands).join('|'), '[options]'], language);
  return page([line, '', script.about[language], '', ...table(rows), '', more]);
}

function usageLine(name: string, words: readonly string[], language: keyof Text): string {
  const [script, ...command] = name.split(' ');
  const typed = name.startsWith('/') ? [asTyped([name])] : [`scripts/${script}.ts`, ...command];
  return `${language === 'zh' ? '用法' : 'usage'}: ${['npx tsx', ...typed, ...words].join(' ')}`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}

const page = (lines: readonly string[]) => [...lines, ''].join('\n');
