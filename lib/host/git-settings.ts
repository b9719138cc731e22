import { git } from './git.ts';
import { type RunOps, run } from './run.ts';

export interface Setting {
  /** Section and variable in lower case, what stands between them as it is written. */
  readonly name: string;
  readonly value: string;
}

/**
 * Settings of the repository's own configuration, which is whose who can write there, and of what that includes; not those of the person
 * or the machine.
 *
 * @param pattern POSIX extended regular expression for the name.
 */
export async function localSettings(ops: RunOps, dir: string, pattern: string): Promise<readonly Setting[]> {
  const { stdout } = await run(
    ops,
    git(dir, ['config', '--includes', '--show-scope', '-z', '--get-regexp', pattern]),
    [0, 1], // 1: none
  );
  const words = stdout.split('\0');
  const found: Setting[] = [];
  // <scope> NUL <name> LF <value> NUL; without a value there is no LF.
  for (let i = 0; i + 1 < words.length; i += 2) {
    const [, name = '', value = ''] = /^([^\n]*)\n?(.*)$/s.exec(words[i + 1] ?? '') ?? [];
    if (['local', 'worktree'].includes(words[i] ?? '')) found.push({ name, value });
  }
  return found;
}
