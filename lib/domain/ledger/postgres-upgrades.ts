import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Paths } from '../../core/ops.ts';
import { type Definition, definitionSchema } from '../../tools/docker/definition.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { readAs } from '../../tools/files/json.ts';

const plainName = z.string().regex(/^\w[\w.-]*$/);

const side = z.strictObject({
  /** `15` */
  major: z.string().regex(/^\d+$/),
  /** The volume that holds the cluster. */
  volume: plainName,
  /** Given by initdb. */
  systemIdentifier: z.string(),
});

const upgrade = z.strictObject({
  version: z.literal(1),
  /** When the names were swapped; RFC 3339, UTC. */
  at: z.iso.datetime(),
  /** Base name of the run's directory. */
  run: plainName,
  /** Which of both is in use. */
  inUse: z.enum(['from', 'to']),
  from: side,
  to: side,
  /** The image of `from`, under a name that no pull moves. */
  image: z.string().regex(/^\w[\w.:/@-]*$/),
  /** Directory of the backup that was taken when nothing wrote any more. */
  backup: z.string(),
});

/** One upgrade of PostgreSQL's major version: the cluster that was put aside, untouched, and the one that came in its place. */
export type PostgresUpgrade = z.infer<typeof upgrade>;

// Beside the backups, because a run that only looks keeps its own things elsewhere. Beside each, what its former container was made of.
const directory = ({ backups }: Pick<Paths, 'backups'>) => path.join(path.dirname(backups), 'postgres-upgrades');
const recordFile = (paths: Pick<Paths, 'backups'>, run: string) => path.join(directory(paths), `${run}.json`);
const definitionFile = (paths: Pick<Paths, 'backups'>, run: string) =>
  path.join(directory(paths), `${run}.container.json`);

/** Written before the swap: whatever dies from then on, the way back is known. 0600: the definition has secrets in it. */
export async function recordUpgrade(
  paths: Pick<Paths, 'backups'>,
  entry: PostgresUpgrade,
  definition: Definition,
): Promise<void> {
  mkdirSync(directory(paths), { recursive: true, mode: 0o700 });
  await writeAtomically(definitionFile(paths, entry.run), JSON.stringify(definition));
  await noteUpgrade(paths, entry);
}

/** Writes it down anew: the other of both is in use now. */
export const noteUpgrade = (paths: Pick<Paths, 'backups'>, entry: PostgresUpgrade): Promise<void> =>
  writeAtomically(recordFile(paths, entry.run), `${JSON.stringify(upgrade.parse(entry))}\n`);

/** Oldest first. One that is damaged, or of another version, is left out. */
export function readUpgrades(paths: Pick<Paths, 'backups'>): PostgresUpgrade[] {
  if (!existsSync(directory(paths))) return [];
  const names = readdirSync(directory(paths)).filter((name) => /^\w[\w-]*\.json$/.test(name));
  return names.sort().flatMap((name) => readAs(upgrade, path.join(directory(paths), name)) ?? []);
}

/** What the former container was made of; `undefined` when that is damaged. */
export const formerDefinition = (paths: Pick<Paths, 'backups'>, { run }: PostgresUpgrade): Definition | undefined =>
  readAs(definitionSchema, definitionFile(paths, run));

export function forgetUpgrade(paths: Pick<Paths, 'backups'>, { run }: PostgresUpgrade): void {
  for (const file of [recordFile(paths, run), definitionFile(paths, run)]) rmSync(file, { force: true });
}

/** Of both sides, the one that is not in use. */
export const retainedCluster = ({ inUse, from, to }: PostgresUpgrade) => (inUse === 'to' ? from : to);
