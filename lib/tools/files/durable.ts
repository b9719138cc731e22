import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { flushDirectory } from '../../core/journal.ts';

/** sha256 of a file in hex, and its size in bytes; streamed, so memory does not grow with the file. */
export async function digest(file: string): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 18); // one for all: a stream's would pile up until they are collected
  let size = 0;
  const handle = await open(file);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return { sha256: hash.digest('hex'), size };
}

/**
 * Creates a 0600 file, lets `fill` write into it through its descriptor, and flushes it to disk.
 *
 * @throws {NodeJS.ErrnoException} EEXIST when the file is there; ENOSPC, EIO also when only the flush notices.
 */
export async function createFile<T>(file: string, fill: (fd: number) => Promise<T> | T): Promise<T> {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    fchmodSync(fd, 0o600); // whatever the umask
    const result = await fill(fd);
    fsyncSync(fd);
    return result;
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file in one go: readers see the old text or the new, also after a power cut. What fails leaves the old one, and nothing else.
 *
 * @param as of whom it is, and who may do what, if not this user alone.
 */
export async function writeAtomically(
  file: string,
  text: string,
  as: { readonly mode: number; readonly uid?: number; readonly gid?: number } = { mode: 0o600 },
): Promise<void> {
  const beside = `${file}.${randomUUID()}.tmp`;
  try {
    await createFile(beside, (fd) => {
      const { mode, uid, gid } = as;
      if (uid !== undefined && gid !== undefined) fchownSync(fd, uid, gid);
      if (mode !== 0o600) fchmodSync(fd, mode);
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    });
    renameDurably(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/** A rename that a power cut does not take back. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  flushDirectory(path.dirname(to));
}

/** Lets `use` read a file through a descriptor. */
export async function withOpen<T>(file: string, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = openSync(file, 'r');
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}

/** `20260102T030405Z`: sorts by time, safe in names of files and databases. */
export function stamp(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** Foreign text as part of a file name. */
export function fileNamePart(text: string): string {
  return (
    text
      .replace(/[^\w.-]/g, '_')
      .replace(/^\.+/, '_')
      .slice(0, 60) || '_'
  );
}

/** Bytes that this user may still write on the file system of `dir`. */
export function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
