import path from 'node:path';
import { matchesGlob } from '../../core/globs.ts';

/** Lists of Python packages, by their usual names. */
const REQUIREMENTS = ['requirements*.txt', 'requirements/**'];

export const isRequirements = (file: string): boolean => REQUIREMENTS.some((glob) => matchesGlob(glob, file));

/** What may name another file that the build reads. */
const isScript = (file: string): boolean => file.endsWith('.sh') || path.posix.basename(file) === 'Makefile';

/**
 * Which requirements files a build reads: those that the Dockerfile names, or a script or requirements file that it names.
 *
 * @param files of the repository.
 * @param textOf content of one; `undefined` where there is none.
 */
export async function requirementsRead(
  files: readonly string[],
  dockerfile: string,
  textOf: (file: string) => Promise<string | undefined>,
): Promise<ReadonlySet<string>> {
  const pool = new Set(files.filter((file) => isRequirements(file) || isScript(file)));
  const read = new Set<string>();
  await follow(dockerfile);
  return new Set([...read].filter(isRequirements));

  async function follow(file: string): Promise<void> {
    const words = ((await textOf(file)) ?? '').replace(/^\s*#.*$/gm, '').split(/[\s"'=,;[\]()&|]+/);
    for (const other of pool) {
      if (read.has(other) || !words.some((word) => names(word, other))) continue;
      read.add(other);
      await follow(other);
    }
  }
}

/** By its name wherever it lies, by its directory, or by a pattern. */
function names(word: string, file: string): boolean {
  const said = path.posix.normalize(word.replace(/^\/+/, '')).replace(/\/$/, '');
  if (said === '' || said === '.') return false;
  const base = path.posix.basename(said);
  if (base === path.posix.basename(file)) return true;
  if (/[*?]/.test(base)) return /^[\w*?.+-]+$/.test(base) && matchesGlob(base, path.posix.basename(file));
  return file.startsWith(`${said}/`);
}
