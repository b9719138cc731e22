import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'dotenv';
import type { Target } from '../../core/target.ts';

/** Where the compose files and `.env` are. */
export type ComposeTarget = Pick<Target, 'dir' | 'composeFile' | 'composeFiles'>;

/**
 * The compose files in their order, absolute: those that compose itself would take in the deploy directory. COMPOSE_FILE counts, the
 * terminal's before that of `.env`; without it, the target's own file.
 *
 * @param projectDirectory where `.env` is.
 */
export function composeFiles(
  { dir, composeFile, composeFiles: named }: ComposeTarget,
  projectDirectory = dir,
): readonly [string, ...string[]] {
  const [first = composeFile, ...more] = named ?? inEnvFile(projectDirectory);
  return [path.resolve(dir, first), ...more.map((file) => path.resolve(dir, file))];
}

function inEnvFile(directory: string): string[] {
  const { COMPOSE_FILE, COMPOSE_PATH_SEPARATOR } = envFileOf(directory);
  return COMPOSE_FILE ? COMPOSE_FILE.split(COMPOSE_PATH_SEPARATOR || path.delimiter) : [];
}

/** A name that compose makes up for a container or an image. @param directory where `.env` is. */
export function madeUpName(directory: string, ...parts: readonly string[]): string {
  const { COMPOSE_COMPATIBILITY = '' } = envFileOf(directory);
  return parts.join(/^(1|t|true|y)$/i.test(COMPOSE_COMPATIBILITY) ? '_' : '-');
}

function envFileOf(directory: string): Readonly<Record<string, string>> {
  try {
    return parse(readFileSync(path.join(directory, '.env')));
  } catch {
    return {}; // absent or unreadable: whoever reads it says so
  }
}
