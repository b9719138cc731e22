import { $ as zx } from 'zx/core';

/**
 * The sandbox's own shell. Everything that `ZX_*` variables could change is pinned, and stdin is closed,
 * so that no child can wait for, or eat, what the person types.
 */
export const $ = zx({
  shell: '/bin/bash',
  prefix: 'set -euo pipefail;',
  postfix: '',
  verbose: false,
  quiet: true,
  nothrow: false,
  preferLocal: false,
  stdio: ['ignore', 'pipe', 'pipe'],
});

export type Language = 'en' | 'zh';
export type Text = { en: string; zh: string };

let language: Language = languageOf(process.env);

/** The language of a locale: LC_ALL wins over LC_MESSAGES, which wins over LANG. */
export function languageOf(env: Record<string, string | undefined>): Language {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return locale.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** Choose the language of everything that {@link say} prints from now on. */
export function speak(chosen: Language): void {
  language = chosen;
}

/** The text in the chosen language. */
export function tell(text: Text): string {
  return text[language];
}

/** Progress goes to stderr: stdout belongs to what a caller may want to read. */
export function say(text: Text): void {
  process.stderr.write(`${tell(text)}\n`);
}

/** An error for people, in both languages: whoever reads the log may not be who ran the command. */
export class SandboxError extends Error {
  constructor(readonly text: Text) {
    super(`${text.en}\n${text.zh}`);
    this.name = 'SandboxError';
  }
}

/** stdout of a command, trimmed, or undefined when the command could not be run or failed. */
export async function ask(command: string, ...args: string[]): Promise<string | undefined> {
  const result = await $({ nothrow: true, timeout: '30s' })`${command} ${args}`;
  return result.exitCode === 0 ? result.stdout.trim() : undefined;
}

/** Wait until `test` answers true, or give up after `seconds`. */
export async function until(seconds: number, test: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await test()) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
