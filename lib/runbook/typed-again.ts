import type { Action } from './command-line.ts';
import { COMMON_FLAGS, type Parsed } from './flags.ts';

/** What a person would type again for the same: the command, its words, and its own options. */
export function ownArgs(action: Action, parsed: Parsed): string[] {
  const words = ['command', ...(action.positionals ?? []).map((p) => p.name)];
  return [...words.flatMap((name) => text(parsed[name])), ...options(parsed, Object.keys(action.flags))];
}

/** Common options that hold for a script that goes on in this one's place; `dir` is absolute. */
export function commonArgs(parsed: Parsed, dir: string): string[] {
  const names = Object.keys(COMMON_FLAGS).filter((name) => name !== 'dir' && name !== 'go-on');
  return [`--dir=${dir}`, ...options(parsed, names)];
}

// `--name=value`: the value may begin with a dash.
const options = (parsed: Parsed, names: readonly string[]): string[] =>
  names.flatMap((name) => (parsed[name] === true ? [`--${name}`] : text(parsed[name]).map((v) => `--${name}=${v}`)));

const text = (value: string | boolean | undefined): string[] => (typeof value === 'string' ? [value] : []);
