import { readdirSync, statSync } from 'node:fs';

/**
 * Whether a process has the lock's file open, seen without touching the lock (Linux: /proc/PID/fd). A number that has been given to
 * another process since does not count, as that one has not.
 */
export function hasOpen(pid: number, file: string): boolean {
  try {
    const wanted = statSync(file);
    return readdirSync(`/proc/${pid}/fd`).some((fd) => isSame(`/proc/${pid}/fd/${fd}`, wanted));
  } catch (error) {
    // What another user's process has open is not shown: it is believed. Otherwise there is no such process, or no lock yet.
    return error instanceof Error && 'code' in error && error.code === 'EACCES';
  }
}

/** All that have it open: a run, those that wait for it, and commands that outlived theirs. */
export function whoHasOpen(file: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => hasOpen(pid, file));
}

function isSame(link: string, wanted: { readonly dev: number; readonly ino: number }): boolean {
  try {
    const { dev, ino } = statSync(link);
    return dev === wanted.dev && ino === wanted.ino;
  } catch {
    return false; // closed a moment ago
  }
}
