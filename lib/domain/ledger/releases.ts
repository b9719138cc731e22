import path from 'node:path';
import { z } from 'zod';
import { words } from '../../core/journal.ts';
import { type Ops, type Paths, runName } from '../../core/ops.ts';
import { json, printable, same } from '../../core/text.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { appendLine, linesAs } from '../../tools/files/json.ts';

// What becomes a word of a command line or a part of a ref's name.
const image = z.string().regex(/^\w[\w.:/@-]*$/);
const plainName = z.string().regex(/^\w[\w.-]*$/);

const release = z.object({
  /** RFC 3339. */
  at: z.string(),
  /** `found`: what ran before the first of them, whoever released it. */
  kind: z.enum(['found', 'rebuild', 'hot', 'restore', 'rollback', 'env']),
  /** How a rollback went: into the running container, or a container of a kept image; `env` goes by an image. */
  way: z.enum(['hot', 'image']).optional(),
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  subject: z.string(),
  /** What the container was made of. It holds this release's code, unless the release came by a hot update. */
  imageId: image,
  /** What ran before, under a tag that no build moves. */
  previousImage: image.optional(),
  /** The commit of that. */
  previousCommit: z.string().optional(),
  /** Directory of the backup that was made on the way here: the data of the release before. */
  backup: z.string().optional(),
  /** Base name of the run's directory. */
  run: plainName,
  /** What was seen at its end; earlier versions wrote it in English alone. */
  verdict: z.union([words, z.string().transform(same)]).optional(),
});

/** What has been released here, when, and how it can be gone back to; one JSON object a line. */
export type Release = z.infer<typeof release>;

// Beside the backups, because a run that only looks keeps its own things elsewhere.
const file = (paths: Pick<Paths, 'backups'>) => path.join(path.dirname(paths.backups), 'releases');

/** Appends and flushes: what this run has released now. */
export function recordRelease(ops: Ops, { subject, ...entry }: Omit<Release, 'at' | 'run'>): void {
  const at = new Date(ops.clock.now()).toISOString();
  writeRelease(ops.paths, { at, ...entry, subject: printable(subject), run: runName(ops) });
}

/** The same, of any run. */
export const writeRelease = (paths: Pick<Paths, 'backups'>, entry: Release): void => appendLine(file(paths), entry);

/** Oldest first. A line that a crash has torn, or that another version wrote, is left out. */
export const readReleases = (paths: Pick<Paths, 'backups'>): Release[] => linesAs(release, file(paths));

/** Keeps the newest `count` in one go. @returns those that were forgotten. */
export async function forgetReleases(paths: Pick<Paths, 'backups'>, count: number): Promise<readonly Release[]> {
  const all = readReleases(paths);
  const forgotten = all.slice(0, Math.max(all.length - count, 0));
  if (forgotten.length === 0) return [];
  const kept = all.slice(forgotten.length);
  await writeAtomically(file(paths), kept.map((entry) => `${json(entry)}\n`).join(''));
  return forgotten;
}
