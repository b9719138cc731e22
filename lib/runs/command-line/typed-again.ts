import type { Invocation } from '../../core/journal.ts';
import { refuse } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { ADOPTS, COMMON_FLAGS, type Parsed } from './flags.ts';
import type { Action } from './script.ts';

/** What a person would type again for the same: the command, its words, and its own options. */
export function ownArgs(action: Action, parsed: Parsed): string[] {
  const words = ['command', ...(action.positionals ?? []).map((p) => p.name)];
  return [...words.flatMap((name) => text(parsed[name])), ...options(parsed, Object.keys(action.flags))];
}

/** Common options that hold for a script that goes on in this one's place; `dir` is absolute. */
export function commonArgs(parsed: Parsed, dir: string): string[] {
  const names = Object.keys(COMMON_FLAGS).filter((name) => name !== 'dir' && name !== 'go-on');
  const adopts = text(parsed[ADOPTS]).map((phrase) => `--confirm=${phrase}`);
  return [`--dir=${dir}`, ...options(parsed, names), ...adopts];
}

/**
 * A journal says which script would go on and with which of its own options. Consent, answers and the directory belong to whoever starts it:
 * a line that somebody put there must not answer in a person's place.
 */
export function isOurs({ script, args }: Invocation): boolean {
  const common = args.some((arg) => arg === '--' || Object.hasOwn(COMMON_FLAGS, arg.replace(/^--|=.*$/gs, '')));
  return !common && /^[a-z][a-z-]*$/.test(script);
}

/** @throws {OpsError} `precondition` when it is not. */
export function refuseAnswers(to: Invocation): void {
  if (isOurs(to)) return;
  const { script, args } = to;
  if (/^adhoc\.[\w.-]+$/.test(script)) throw byHand(script);
  const what = printable(asTyped([script, ...args]));
  throw refuse(
    { en: `The journal names what no run of ours writes: ${what}`, zh: `流水中的命令不是本工具写入的: ${what}` },
    {
      en: 'Find out who changed it. Then start the script that you need by hand; it checks the current state first.',
      zh: '请查明是谁修改了流水. 之后手动运行所需的脚本, 它会先检查实际状态.',
    },
  );
}

/** A script of somebody's own: a journal must not be what starts a file from anywhere. */
const byHand = (script: string) =>
  refuse(
    {
      en: `${script} is no script of this tool, so it is not started from here.`,
      zh: `${script} 不是本工具自带的脚本, 不会从这里启动.`,
    },
    {
      en: 'Start its file by hand; its steps look at what is there.',
      zh: '请手动运行该脚本文件, 其步骤会先检查实际状态.',
    },
  );

// `--name=value`: the value may begin with a dash.
const options = (parsed: Parsed, names: readonly string[]): string[] =>
  names.flatMap((name) => (parsed[name] === true ? [`--${name}`] : text(parsed[name]).map((v) => `--${name}=${v}`)));

const text = (value: string | boolean | undefined): string[] => (typeof value === 'string' ? [value] : []);
