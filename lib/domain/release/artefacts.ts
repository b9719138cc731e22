import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { read } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { createFile } from '../../tools/files/durable.ts';
import type { TreeEntry } from '../../tools/git/tree.ts';

export interface Artefacts {
  /** Those of the target's directories that are taken from here. */
  readonly directories: readonly string[];
  /** Their files, named as git would name them. */
  readonly files: ReadonlyMap<string, TreeEntry>;
}

/**
 * What a build left in the deploy directory and git does not have: part of the release all the same. A directory of which the
 * commit has any file is git's.
 */
export function findArtefacts(ops: Pick<Ops, 'target'>, tree: ReadonlyMap<string, unknown>): Artefacts {
  const { dir, release } = ops.target;
  const isGits = (directory: string) => [...tree.keys()].some((file) => file.startsWith(`${directory}/`));
  const isThere = (directory: string) =>
    lstatSync(path.join(dir, directory), { throwIfNoEntry: false })?.isDirectory() ?? false;
  const directories = release.artefacts.filter((d) => isThere(d) && !isGits(d));
  const files = directories.flatMap((directory) =>
    readdirSync(path.join(dir, directory), { recursive: true, withFileTypes: true }).flatMap((found) => {
      const file = path.join(found.parentPath, found.name);
      const entry = entryOf(file);
      return entry ? [[path.relative(dir, file), entry] as const] : [];
    }),
  );
  return { directories, files: new Map(files) };
}

/** Packs them into a new 0600 tar file; modes are git's, whatever the umask was that they were built under. */
export async function archiveArtefacts(ops: Ops, { directories }: Artefacts, file: string): Promise<void> {
  const tar = ['tar', '-c', '--mode=u=rwX,go=rX', '-C', ops.target.dir, '--', ...directories];
  await createFile(file, (stdoutFd) => run(ops, read(tar, { stdoutFd, deadlineMs: 300_000 })));
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
