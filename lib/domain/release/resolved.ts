import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { CommandError, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { config } from '../../tools/docker/compose.ts';
import { composeFiles } from '../../tools/docker/compose-files.ts';
import { git } from '../../tools/git/git.ts';
import { decodePath } from '../../tools/git/paths.ts';
import { layCommit } from './build-context.ts';

const section = z.record(z.string(), z.unknown());
const resolvedSchema = z.looseObject({
  services: z.record(z.string(), section),
  networks: section.nullish(),
  volumes: section.nullish(),
  secrets: section.nullish(),
  configs: section.nullish(),
});

/** What compose makes of a project. Secrets included: never shown. */
export type Resolved = z.infer<typeof resolvedSchema>;

export const resolvedHere = async (ops: Ops): Promise<Resolved> =>
  answerOf('docker compose config', resolvedSchema, (await run(ops, config(ops.target))).stdout);

/** What for: each has a place of its own in the run's directory. */
type Purpose = 'then' | 'now' | 'runs';

/**
 * As if the deploy directory had that commit's files, and of its own only those that git does not have.
 *
 * @param env instead of the deploy directory's `.env`.
 */
export async function resolvedAt(ops: Ops, purpose: Purpose, commit: string, env?: string): Promise<Resolved> {
  const root = rootOf(ops, purpose);
  mkdirSync(root, { mode: 0o700 });
  try {
    const place = await layMachine(ops, commit, root);
    const file = path.join(place, '.env');
    rmSync(file, { recursive: true, force: true });
    if (env === undefined) symlinkSync(path.join(ops.target.dir, '.env'), file);
    else writeFileSync(file, env, { mode: 0o600 });
    // `composeFiles` names them as they are called on this machine.
    const [first = '', ...more] = composeFiles(ops.target, place).map((named) => path.join(root, named));
    const { stdout } = await run(ops, config({ dir: place, composeFile: first, composeFiles: [first, ...more] }));
    return asHere(answerOf('docker compose config', resolvedSchema, stdout), root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const rootOf = (ops: Ops, purpose: Purpose) => path.join(ops.paths.run, `compose-${purpose}`);

/** With the paths of this machine; compose doubles every `$`. */
const asHere = (resolved: Resolved, root: string): Resolved =>
  JSON.parse(JSON.stringify(resolved), (_, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(root.replaceAll('$', '$$$$'), '') : value,
  ) as Resolved;

/**
 * Makes a root below which all is as on this machine, but for the files that git has in the deploy directory: these are the commit's. All
 * else is linked, so that compose finds it by whatever name, `..` too, and no secret is copied.
 *
 * @returns where the deploy directory is in it.
 */
async function layMachine(ops: Ops, commit: string, root: string): Promise<string> {
  const { dir } = ops.target;
  const place = path.join(root, dir);
  mkdirSync(place, { recursive: true });
  await layCommit(ops, commit, place);
  const list = git(dir, ['ls-files', '--others', '--directory', '-z'], { decodeAs: 'latin1', deadlineMs: 60_000 });
  for (const bytes of (await run(ops, list)).stdout.split('\0')) linkOther(dir, place, decodePath(bytes) ?? '');
  for (let at = dir; at !== path.dirname(at); at = path.dirname(at)) {
    const above = path.dirname(at);
    const others = namesIn(above).filter((name) => name !== path.basename(at));
    for (const name of others) link(path.join(above, name), path.join(root, above, name));
  }
  return place;
}

/** Never by way of a link that the commit has: it may lead out of here. */
function linkOther(dir: string, place: string, file: string): void {
  const names = file.split('/').filter(Boolean);
  for (let at = 1; at < names.length; at += 1) {
    const above = path.join(place, ...names.slice(0, at));
    const there = lstatSync(above, { throwIfNoEntry: false });
    if (there === undefined) mkdirSync(above);
    else if (!there.isDirectory()) return;
  }
  if (names.length > 0) link(path.join(dir, ...names), path.join(place, ...names));
}

/** What is there already stays; a directory that is there gets what only the other has. */
function link(from: string, to: string): void {
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (there === undefined) symlinkSync(from, to);
  else if (there.isDirectory()) for (const name of namesIn(from)) link(path.join(from, name), path.join(to, name));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // a file, or not ours to list: compose says what it misses
  }
}

/** What compose said that could not resolve a project. @throws the error, if it is another. */
export function unresolved(ops: Ops, error: unknown): Text {
  if (!(error instanceof CommandError) || error.kind !== 'command') throw error;
  const roots = (['then', 'now', 'runs'] as const).map((purpose) => rootOf(ops, purpose));
  const said = roots.reduce((text, root) => text.replaceAll(root, ''), error.output.stderr.trim());
  const words = printable(ops.secrets.redact(said));
  return {
    en: `changed, and compose can't say what it would make of it: ${words}`,
    zh: `已变更, 且 compose 无法解析: ${words}`,
  };
}
