import { linkSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import { flushDirectory } from '../../core/journal.ts';
import type { Ops } from '../../core/ops.ts';
import { createFile, writeAtomically } from '../../tools/files/durable.ts';
import { registerEnvSecrets } from './secrets.ts';

type EnvOps = Pick<Ops, 'target' | 'paths' | 'secrets'>;

/**
 * Creates `<deploy dir>/.env`, mode 0600, whole or not at all. Its secrets are registered.
 *
 * @throws {OpsError} `precondition` when there already is one, of whatever kind; it is left as it is.
 */
export async function writeEnv(ops: EnvOps, text: string): Promise<void> {
  await inTemporaryDirectory(ops, async (directory) => {
    const draft = path.join(directory, 'env');
    await createFile(draft, (fd) => writeFileSync(fd, text));
    registerEnvSecrets(ops.secrets, text);
    try {
      linkSync(draft, path.join(ops.target.dir, '.env')); // unlike a rename, never replaces
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? exists(ops.target.dir, error) : error;
    }
    flushDirectory(ops.target.dir);
  });
}

/**
 * Puts another text in the place of the `.env` that is there, with its owner and mode; the present one is kept in the run's directory.
 * Whoever reads it sees one or the other whole.
 *
 * @returns where the present one is kept; `undefined` when it says the same already.
 */
export async function replaceEnv(ops: EnvOps, text: string): Promise<string | undefined> {
  const file = realpathSync(path.join(ops.target.dir, '.env'));
  const present = readFileSync(file, 'utf8');
  if (present === text) return undefined;
  registerEnvSecrets(ops.secrets, text);
  const aside = path.join(temporaryDirectory(ops), 'env-set-aside');
  await createFile(aside, (fd) => writeFileSync(fd, present));
  await writeAtomically(file, text, statSync(file));
  return aside;
}

/**
 * Gives `use` a project directory in which a `.env` that does not exist yet can be tried. It has the deploy directory's base name,
 * from which compose derives the project's name. Nothing of it remains.
 */
export async function withCandidateEnv<T>(
  ops: EnvOps,
  text: string,
  use: (projectDirectory: string) => Promise<T>,
): Promise<T> {
  registerEnvSecrets(ops.secrets, text);
  return inTemporaryDirectory(ops, async (parent) => {
    const directory = path.join(parent, path.basename(ops.target.dir));
    mkdirSync(directory, { mode: 0o700 });
    await createFile(path.join(directory, '.env'), (fd) => writeFileSync(fd, text));
    return use(directory);
  });
}

/** In the run's own: on the same file system as the deploy directory, and out of sight for git. */
const temporaryDirectory = (ops: EnvOps): string => mkdtempSync(path.join(ops.paths.run, 'env-'));

async function inTemporaryDirectory<T>(ops: EnvOps, use: (directory: string) => Promise<T>): Promise<T> {
  const directory = temporaryDirectory(ops);
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const exists = (dir: string, cause: unknown) =>
  new OpsError({
    kind: 'precondition',
    what: { en: `There already is a .env in ${dir}; it is not overwritten.`, zh: `${dir} 中已有 .env, 不会覆盖.` },
    state: NOTHING_CHANGED,
    next: [{ en: 'Run again: the existing file is used.', zh: '请重新运行, 将使用现有文件.' }],
    cause,
  });
