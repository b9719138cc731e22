import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { createFile, renameDurably } from '../files/durable.ts';
import { git } from './git.ts';
import { openRepository } from './repository.ts';

const DEADLINE_MS = 300_000;

// `.gitattributes` in the commit would leave files out, fill in keywords, convert line ends and encodings, and run filters.
// $GIT_DIR/info/attributes beats it, also inside macros.
const VERBATIM = '* -export-ignore -export-subst -text -eol -crlf -ident -filter -working-tree-encoding\n';

/**
 * Writes a commit's files to a new 0600 tar file: exactly the blobs' bytes, modes 644 and 755, times the commit's. The file is there
 * whole or not at all.
 *
 * @param commit a full id.
 */
export async function archiveCommit(ops: Ops, commit: string, file: string): Promise<void> {
  const { objects } = await openRepository(ops);
  const scratch = mkdtempSync(path.join(path.dirname(file), '.archive-')); // beside it, for the rename
  try {
    const part = path.join(scratch, 'tar');
    const env = { GIT_DIR: bareRepository(scratch), GIT_OBJECT_DIRECTORY: objects };
    const archive = git(ops.target.dir, ['-c', 'tar.umask=0022', 'archive', '--format=tar', commit], {
      env,
      deadlineMs: DEADLINE_MS,
    });
    await createFile(part, (fd) => run(ops, { ...archive, stdoutFd: fd }));
    renameDurably(part, file);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A repository of our own over the objects of theirs: none of their configuration is in force, and the attributes are ours. */
function bareRepository(parent: string): string {
  const dir = path.join(parent, 'git');
  for (const sub of ['refs', 'info']) mkdirSync(path.join(dir, sub), { recursive: true, mode: 0o700 });
  writeFileSync(path.join(dir, 'HEAD'), 'ref: refs/heads/none\n');
  writeFileSync(path.join(dir, 'info', 'attributes'), VERBATIM);
  return dir;
}
