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
  try {
    const { COMPOSE_FILE, COMPOSE_PATH_SEPARATOR } = parse(readFileSync(path.join(directory, '.env')));
    return COMPOSE_FILE ? COMPOSE_FILE.split(COMPOSE_PATH_SEPARATOR || path.delimiter) : [];
  } catch {
    return []; // absent or unreadable: whoever reads it says so
  }
}
