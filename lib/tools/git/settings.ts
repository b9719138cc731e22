import { type RunOps, run } from '../../core/run.ts';
import { git } from './git.ts';

export interface Setting {
  /** Section and variable in lower case, what stands between them as it is written. */
  readonly name: string;
  readonly value: string;
  /** The file that has it, which may be one that is included; relative to the directory. */
  readonly file: string;
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
    git(dir, ['config', '--includes', '--show-scope', '--show-origin', '-z', '--get-regexp', pattern]),
    [0, 1], // 1: none
  );
  const words = stdout.split('\0');
  const found: Setting[] = [];
  // <scope> NUL file:<path> NUL <name> LF <value> NUL; without a value there is no LF.
  for (let i = 0; i + 2 < words.length; i += 3) {
    const [scope = '', origin = '', setting = ''] = words.slice(i, i + 3);
    const [, name = '', value = ''] = /^([^\n]*)\n?(.*)$/s.exec(setting) ?? [];
    if (['local', 'worktree'].includes(scope)) found.push({ name, value, file: origin.replace(/^file:/, '') });
  }
  return found;
}
