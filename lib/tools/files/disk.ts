import { statfsSync } from 'node:fs';

/** Bytes that this user may still write on the file system of `dir`. */
export function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
