import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { read, run } from '../../core/run.ts';
import { createFile } from '../../tools/files/durable.ts';
import type { TreeEntry } from '../../tools/git/tree.ts';

interface Directory {
  readonly path: string;
  readonly base: string;
  /** When the newest of its files was written; milliseconds since 1970. */
  readonly written: number;
}

/** Directories that are part of the release although git does not have them, as they lie on this machine. */
export interface Artefacts {
  /** `path` below the application's root, and below `base` here. */
  readonly directories: readonly Directory[];
  /** Their files, named as git would name them. */
  readonly files: ReadonlyMap<string, TreeEntry>;
}

/**
 * What a build left in the deploy directory and git does not have. A directory of which the commit has any file is git's.
 *
 * @param made those that a stage of the Dockerfile makes: what lies here in their place is nobody's.
 */
export function findArtefacts(
  ops: Pick<Ops, 'target'>,
  tree: ReadonlyMap<string, unknown>,
  made: readonly string[],
): Artefacts {
  const { dir, release } = ops.target;
  const isThere = (directory: string) =>
    lstatSync(path.join(dir, directory), { throwIfNoEntry: false })?.isDirectory() ?? false;
  const here = release.artefacts
    .map(({ to }) => to)
    .filter((to) => isThere(to) && !isGits(tree, to) && !made.includes(to));
  return artefactsIn(dir, here);
}

/** Whether the commit has any file of a directory. */
export const isGits = (tree: ReadonlyMap<string, unknown>, directory: string): boolean =>
  [...tree.keys()].some((file) => file.startsWith(`${directory}/`));

/** Directories below another one, with all that lies in them. */
export function artefactsIn(base: string, directories: readonly string[]): Artefacts {
  const files = directories.flatMap((directory) =>
    readdirSync(path.join(base, directory), { recursive: true, withFileTypes: true }).flatMap((found) => {
      const file = path.join(found.parentPath, found.name);
      const entry = entryOf(file);
      return entry ? [[path.relative(base, file), entry] as const] : [];
    }),
  );
  const newest = (directory: string) =>
    files
      .filter(([file]) => file.startsWith(`${directory}/`))
      .reduce((latest, [file]) => Math.max(latest, lstatSync(path.join(base, file)).mtimeMs), 0);
  return { directories: directories.map((d) => ({ path: d, base, written: newest(d) })), files: new Map(files) };
}

export const mergeArtefacts = (a: Artefacts, b: Artefacts): Artefacts => ({
  directories: [...a.directories, ...b.directories],
  files: new Map([...a.files, ...b.files]),
});

/** Packs them into a new 0600 tar file; modes are git's, whatever the umask was that they were built under. */
export async function archiveArtefacts(ops: Ops, { directories }: Artefacts, file: string): Promise<void> {
  const each = directories.flatMap(({ base, path }) => ['-C', base, `./${path}`]);
  await createFile(file, (stdoutFd) =>
    run(ops, read(['tar', '-c', '--mode=u=rwX,go=rX', ...each], { stdoutFd, deadlineMs: 300_000 })),
  );
}

function entryOf(file: string): TreeEntry | undefined {
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return { mode: '120000', blob: blobOf(Buffer.from(readlinkSync(file))) };
  if (!stat.isFile()) return undefined;
  return { mode: (stat.mode & 0o100) !== 0 ? '100755' : '100644', blob: blobOf(readFileSync(file)) };
}

/** git's name for a content. */
const blobOf = (content: Buffer): string =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
