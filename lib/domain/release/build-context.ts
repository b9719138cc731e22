import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { read, run } from '../../core/run.ts';
import { archiveCommit } from '../../tools/git/archive.ts';
import { ancestors } from '../../tools/git/collisions.ts';
import { treeOf } from '../../tools/git/tree.ts';
import type { Stack } from '../stack/stack.ts';
import { builtArtefacts, madeOf } from './artefact-stages.ts';
import { archiveArtefacts, findArtefacts } from './artefacts.ts';

/**
 * Fills a new directory with what a build may see: exactly the commit's files, and the artefacts of which git has none. Whatever
 * else lies in the deploy directory (dumps, `.env`, `.git`, local changes) is not there, and modes are git's, whatever the umask.
 *
 * @param context must not exist; its parent is the caller's to remove.
 */
export async function layContext(ops: Ops, stack: Stack, commit: string, context: string): Promise<void> {
  makeOpen(context);
  await layCommit(ops, commit, context);
  const tree = await treeOf(ops, commit);
  const built = await builtArtefacts(ops, stack, commit, tree);
  const artefacts = findArtefacts(ops, tree, madeOf(built));
  if (artefacts.directories.length === 0) return;
  // Those above them are not in the archive, so tar would make them by the umask.
  for (const above of artefacts.directories.flatMap((d) => ancestors(d.path))) makeOpen(path.join(context, above));
  const archive = `${context}.tar`;
  await archiveArtefacts(ops, artefacts, archive);
  await unpack(ops, archive, context);
}

/** Exactly a commit's files, into a directory that is there and empty. */
export async function layCommit(ops: Ops, commit: string, directory: string): Promise<void> {
  const archive = `${directory}.tar`;
  await archiveCommit(ops, commit, archive);
  await unpack(ops, archive, directory);
}

/** Only the run has the directory, so a plan may do it. The archive goes, before the next one is made, for the disk's sake. */
async function unpack(ops: Ops, archive: string, directory: string): Promise<void> {
  await run(ops, read(['tar', '-x', '-p', '-f', archive, '-C', directory], { deadlineMs: 300_000 }));
  rmSync(archive);
}

/** As git would make it under the usual umask; COPY takes the mode along. */
function makeOpen(dir: string): void {
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o755);
}
