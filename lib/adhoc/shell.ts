import { quote } from 'zx/core';
import { misuse } from '../core/refusal.ts';
import { type Command, change, type Output, read, run } from '../core/run.ts';
import { Secret } from './secret.ts';
import type { Context } from './service.ts';

/** A word, or several. */
export type Argument = string | number | readonly string[];

export interface ShellOptions {
  /** Milliseconds; default 30 000. SIGTERM then, SIGKILL five seconds later, to pipes and children as well. */
  readonly deadlineMs?: number;
  /** Exit codes that are answers; default only 0. */
  readonly expect?: readonly number[];
  /** stdin, whole; without it stdin is closed. */
  readonly input?: string;
  /** Added to the environment: the way for secrets, as arguments can be seen in `ps`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the deploy directory. */
  readonly cwd?: string;
}

export interface ShellOutput extends Output {
  /** stdout without its last line end. */
  text(): string;
  /** The same by lines; none of empty output. */
  lines(): readonly string[];
  /** @throws {SyntaxError} when stdout is not JSON. */
  json<T = unknown>(): T;
}

/** What a command gives, with the shortcuts that zx has: ``await $`…`.text()``. */
export interface ShellCall extends Promise<ShellOutput> {
  text(): Promise<string>;
  lines(): Promise<readonly string[]>;
  json<T = unknown>(): Promise<T>;
}

/**
 * A bash command in strict mode, quoted by zx; with this library's deadline, without the variables of a project's `.env`, and its errors
 * are redacted. ``$({ deadlineMs: 5_000 })`…` `` is the same with options. Outside of a step it counts as a look, which nobody can check.
 *
 * @throws {OpsError} `command`: another exit code, with the end of stderr; `deadline`; `usage`: a value inside quotes, `undefined`, a {@link Secret}.
 */
export interface Dollar {
  (pieces: TemplateStringsArray, ...values: readonly Argument[]): ShellCall;
  (options: ShellOptions): Dollar;
}

const DEADLINE_MS = 30_000;

export function dollarOf(context: Context, options: ShellOptions = {}): Dollar {
  const dollar = (first: TemplateStringsArray | ShellOptions, ...values: readonly Argument[]) =>
    'raw' in first ? called(start(context, options, first, values)) : dollarOf(context, { ...options, ...first });
  return dollar as Dollar;
}

function called(output: Promise<ShellOutput>): ShellCall {
  return Object.assign(output, {
    text: () => output.then((o) => o.text()),
    lines: () => output.then((o) => o.lines()),
    json: <T>() => output.then((o) => o.json<T>()),
  });
}

async function start(
  { ops, effect }: Context,
  { expect, deadlineMs = DEADLINE_MS, ...options }: ShellOptions,
  pieces: TemplateStringsArray,
  values: readonly Argument[],
): Promise<ShellOutput> {
  const line = lineOf(pieces, values);
  const limits: Partial<Command> = { cwd: ops.target.dir, ...options, deadlineMs };
  const make = effect === 'read' ? read : change;
  const output = await run(ops, make(['bash', '-euo', 'pipefail', '-c', line], limits), expect);
  const text = () => output.stdout.replace(/\n$/, '');
  return {
    ...output,
    text,
    lines: () => (output.stdout === '' ? [] : text().split('\n')),
    json: <T>() => JSON.parse(output.stdout) as T,
  };
}

function lineOf(pieces: TemplateStringsArray, values: readonly Argument[]): string {
  let line = pieces[0] ?? '';
  values.forEach((value, at) => {
    if (opensQuote(line)) throw inQuotes(at + 1);
    const words = (Array.isArray(value) ? value : [value]) as readonly unknown[];
    for (const word of words) if (typeof word !== 'string' && typeof word !== 'number') throw noWord(at + 1, word);
    line += `${words.map((word) => quote(String(word))).join(' ')}${pieces[at + 1] ?? ''}`;
  });
  return line;
}

/** zx's quoting begins with quotes of its own, so within others it would end them. */
const opensQuote = (line: string): boolean =>
  /["']/.test(line.replace(/\\[\s\S]|\$'(?:[^'\\]|\\[\s\S])*'|'[^']*'|"(?:[^"\\]|\\[\s\S])*"/g, ''));

const inQuotes = (number: number) =>
  misuse({
    en: `Value ${number} of the command stands inside quotes: leave them out, it is quoted by itself.`,
    zh: `命令的第 ${number} 个值位于引号内: 请去掉引号, 值会自动加引号.`,
  });

const noWord = (number: number, value: unknown) => {
  const what = value instanceof Secret ? 'Secret' : String(value);
  return misuse({
    en: `Value ${number} of the command is ${what}, which is no word. A secret goes by env or input: others see arguments in ps.`,
    zh: `命令的第 ${number} 个值是 ${what}, 不能作为参数. 密钥请通过 env 或 input 传递: 其他用户可在 ps 中看到参数.`,
  });
};
