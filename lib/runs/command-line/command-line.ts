import { parseArgs } from 'node:util';
import type { Invocation } from '../../core/journal.ts';
import type { Ops } from '../../core/ops.ts';
import { printable, type Text } from '../../core/text.ts';
import { COMMON_FLAGS, type Flags, type Parsed, type Positional, parseFlags, usage } from './flags.ts';
import { commandsHelp, helpText } from './help.ts';

/** One thing to do. */
export interface Action {
  readonly about: Text;
  readonly flags: Flags;
  /** Words without dashes that it takes; their values are among the options, by name. */
  readonly positionals?: readonly Positional[];
  /** It only looks, always or with these options: no lock is waited for and nothing is written, as under `--plan`. */
  readonly onlyLooks?: true | ((flags: Parsed) => boolean);
  /** It only works beside production: there is one of it at a time, and it ends as soon as another run takes the deploy directory. */
  readonly givesWay?: true;
  /**
   * Returns the verdict, a sentence for the journal and the last line; or, where it only looks, the script that shall go on in its
   * place. Throws `OpsError` for any other end.
   */
  readonly run: (ops: Ops, flags: Parsed & { readonly planOnly: boolean }) => Promise<Verdict | GoOn>;
}

/** With an exit code where something is wrong that was shown already; default 0. */
export type Verdict = Text & { readonly exitCode?: number };

/** Another script takes over, with this one's directory and answers. */
export interface GoOn {
  readonly goOn: Invocation;
}

/** A script does one thing, or one of several that are named by its first word. */
export type Script = {
  /** File name in `scripts/` without `.ts`; also the name in journals. */
  readonly name: string;
  /** Where it is, when not in `scripts/`; absolute. */
  readonly file?: string;
  readonly about: Text;
} & (Action | { readonly commands: Readonly<Record<string, Action>> });

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
