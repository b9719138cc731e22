import { closeSync, constants, fstatSync, fsyncSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { CommandError, change, type RunOps, read, run } from '../../core/run.ts';
import { withOpen } from '../files/durable.ts';

const COPY_DEADLINE_MS = 3_600_000;

/**
 * Copies a directory of a container (running or not) to a new 0600 tar file, through a file descriptor. Owners and modes are
 * kept. Returns false when the container has no such directory. Unless it returns true no file is left: half a copy would fill the disk on.
 */
export async function copyOut(ops: RunOps, container: string, directory: string, file: string): Promise<boolean> {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
  const isFile = fstatSync(fd).isFile();
  let isWhole = false;
  try {
    const copy = read(['docker', 'cp', `${container}:${directory}`, '-'], {
      stdoutFd: fd,
      deadlineMs: COPY_DEADLINE_MS,
    });
    await run(ops, copy);
    if (isFile) fsyncSync(fd);
    isWhole = true;
    return true;
  } catch (error) {
    // A mount that fails says "no such file or directory", too: that is a container that can't be read.
    const absent = /no such container:path|could not find the file/i;
    if (error instanceof CommandError && error.output.exitCode === 1 && absent.test(error.output.stderr)) return false;
    throw error;
  } finally {
    closeSync(fd);
    if (isFile && !isWhole) rmSync(file, { force: true });
  }
}

/** Puts back what {@link copyOut} saved. An empty stream would be taken as success, so the file must hold a tar. */
export async function copyIn(ops: RunOps, file: string, container: string, directory: string): Promise<void> {
  const argv = ['docker', 'cp', '-', `${container}:${path.posix.dirname(directory)}`];
  await withOpen(file, (stdinFd) => run(ops, change(argv, { stdinFd, deadlineMs: COPY_DEADLINE_MS })));
}
