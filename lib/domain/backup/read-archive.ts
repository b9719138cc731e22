import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { CommandError, change, run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { discardContainer, ownerLabels } from '../../tools/docker/helpers.ts';
import { withOpen } from '../../tools/files/durable.ts';
import { type DatabaseManifest, damaged, OUR_OWN, type Stored } from './manifest.ts';
import { globalsOf } from './roles.ts';
import { checkFiles, patience } from './verify.ts';

/**
 * The files are those that were written, and pg_restore reads the archive to its end, decompressing all of it. Needs no server: a
 * container of the image that runs pg_restore alone.
 *
 * @throws {DamagedBackup}; {@link CommandError} when it can't be tried.
 */
export async function readArchive(ops: Ops, stored: Stored<DatabaseManifest>, imageId: string): Promise<void> {
  const { dir, manifest } = stored;
  await checkFiles(stored);
  const name = `whalefall-ops-throwaway-${randomBytes(6).toString('hex')}`;
  const readAll = [
    ...['docker', 'run', '--rm', '-i', '--pull', 'never', '--name', name, '--network', 'none', ...ownerLabels(ops)],
    ...['--cpu-shares', '256', '--entrypoint', 'pg_restore', imageId, '-f', '/dev/null'],
  ];
  const options = { deadlineMs: patience(manifest.databaseBytes), interruptible: true };
  globalsOf(stored);
  try {
    await withOpen(path.join(dir, manifest.files.dump.name), (fd) =>
      run(ops, change(readAll, { ...options, stdinFd: fd })),
    );
  } catch (error) {
    // pg_restore's own verdict is 1; 125 to 127 are the engine's.
    if (!(error instanceof CommandError) || error.kind !== 'command' || error.output.exitCode !== 1) throw error;
    if (OUR_OWN.test(error.output.stderr)) throw error;
    const why = printable(error.output.stderr.trim());
    throw damaged(dir, { en: `pg_restore can't read it: ${why}`, zh: `pg_restore 无法读取: ${why}` }, error);
  } finally {
    if (ops.signal.aborted) await discardContainer(ops, name);
  }
}
