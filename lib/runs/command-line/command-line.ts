import { parseArgs } from 'node:util';
import { printable, type Text } from '../../core/text.ts';
import { COMMON_FLAGS, type Flags, type Parsed, parseFlags, usage } from './flags.ts';
import { commandsHelp, helpText } from './help.ts';
import type { Action, Script } from './script.ts';

export interface CommandLine {
  /** The script's name, and its command's. */
  readonly name: string;
  readonly action: Action | undefined;
  readonly parsed: Parsed;
  /** Both languages' help of what was named. */
  readonly help: (language: keyof Text) => string;
}

/**
 * What a command line asks a script for. `action` is missing only together with `--help` or `--version`.
 *
 * @throws {OpsError} `usage` for whatever it does not declare.
 */
export function readCommandLine(script: Script, argv: readonly string[]): CommandLine {
  if (!('commands' in script)) return forAction(script.name, script, argv, script.file);
  const named = firstWord(argv, script.commands);
  if (named === undefined) {
    const parsed = parseFlags(argv, COMMON_FLAGS);
    if (!parsed.help && !parsed.version) throw noCommand(script.commands, undefined);
    return { name: script.name, action: undefined, parsed, help: (language) => commandsHelp(script, language) };
  }
  const { word, index } = named;
  const action = Object.hasOwn(script.commands, word) ? script.commands[word] : undefined;
  if (action === undefined) throw noCommand(script.commands, word);
  const line = forAction(`${script.name} ${word}`, action, argv.toSpliced(index, 1));
  return { ...line, parsed: { command: word, ...line.parsed } };
}

function forAction(name: string, action: Action, argv: readonly string[], file?: string): CommandLine {
  const parsed = parseFlags(argv, { ...action.flags, ...COMMON_FLAGS }, action.positionals);
  return { name, action, parsed, help: (language) => helpText(file ?? name, action, language) };
}

/** Options may stand before the command: which words are their values depends on all that any command takes. */
function firstWord(argv: readonly string[], commands: Readonly<Record<string, Action>>) {
  const all: Flags = Object.assign({}, ...Object.values(commands).map((c) => c.flags), COMMON_FLAGS);
  const options = Object.fromEntries(Object.entries(all).map(([name, f]) => [name, { type: f.type }]));
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true, allowPositionals: true });
  const token = tokens.find((t) => t.kind === 'positional');
  return token?.kind === 'positional' ? { word: token.value, index: token.index } : undefined;
}

function noCommand(commands: Readonly<Record<string, Action>>, word: string | undefined) {
  const list = Object.keys(commands).join(', ');
  return word === undefined
    ? usage({ en: `a command is missing: ${list}`, zh: `缺少命令: ${list}` })
    : usage({
        en: `no such command: ${printable(word)} (there are ${list})`,
        zh: `没有这个命令: ${printable(word)} (可用: ${list})`,
      });
}
