import { closeSync, constants, fstatSync, fsyncSync, openSync } from 'node:fs';
import path from 'node:path';
import { change, read } from '../../core/command.ts';
import type { RunOps } from '../../core/run.ts';
import { run } from '../../core/run.ts';

const COPY_DEADLINE_MS = 3_600_000;

/**
 * Copies a directory of a container (running or not) to a new 0600 tar file, through a file descriptor. Owners and modes are
 * kept. Returns false when the container has no such directory; no file is left then.
 */
export async function copyOut(ops: RunOps, container: string, directory: string, file: string): Promise<boolean> {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
  try {
    const copy = read(['docker', 'cp', `${container}:${directory}`, '-'], {
      stdoutFd: fd,
      deadlineMs: COPY_DEADLINE_MS,
    });
    const { exitCode, stderr } = await run(ops, copy, [0, 1]);
    if (exitCode === 0) {
      if (fstatSync(fd).isFile()) fsyncSync(fd);
      return true;
    }
    // A mount that fails says "no such file or directory", too: that is a container that can't be read.
    if (/no such container:path|could not find the file/i.test(stderr)) return false;
    await run(ops, copy); // fails again and says why
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Puts back what {@link copyOut} saved. An empty stream would be taken as success, so the file must hold a tar. */
export async function copyIn(ops: RunOps, file: string, container: string, directory: string): Promise<void> {
  const fd = openSync(file, 'r');
  try {
    const into = `${container}:${path.posix.dirname(directory)}`;
    await run(ops, change(['docker', 'cp', '-', into], { stdinFd: fd, deadlineMs: COPY_DEADLINE_MS }));
  } finally {
    closeSync(fd);
  }
}
