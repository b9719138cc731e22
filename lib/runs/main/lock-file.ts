import { createHash } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';
import path from 'node:path';
import { whatHappened } from '../../core/errors.ts';
import { refuse } from '../../core/refusal.ts';

/** What is locked by a file. */
export interface LockFile {
  readonly file: string;
  /** Set for the lock of a compose project on an engine, which is every directory's and every user's. */
  readonly project?: string;
}

/**
 * The lock of a compose project on this machine's engine.
 *
 * @param directory where every user may make files, and none is tidied away.
 * @param engine its id.
 */
export function projectLock(directory: string, engine: string, project: string): LockFile {
  const key = createHash('sha256').update(`${engine}\n${project}`).digest('hex').slice(0, 16);
  return { file: path.join(directory, `whalefall-ops-${key}.lock`), project };
}

/**
 * Opens it, and makes it when it is not there. It is never removed.
 *
 * @throws {OpsError} `precondition` when that can't be done.
 */
export function openLockFile({ file, project }: LockFile): number {
  if (project === undefined) return openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    return openShared(file);
  } catch (error) {
    const why = whatHappened(error).en;
    throw refuse(
      {
        en: `The lock of compose project ${project} can't be opened: ${why}`,
        zh: `无法打开 compose 项目 ${project} 的锁: ${why}`,
      },
      {
        en: `${file} must be an ordinary file that every user may read and write.`,
        zh: `${file} 必须是所有用户可读写的普通文件.`,
      },
    );
  }
}

/**
 * Among other users' files: the kernel refuses O_CREAT of one that is another's, even to root (fs.protected_regular), so what is there is
 * opened without. To be locked it need only be readable.
 */
function openShared(file: string): number {
  for (let last = false; ; last = true) {
    const fd = openPresent(file) ?? makeNew(file);
    if (fd !== undefined) return fd;
    if (last) throw new Error(`${file} comes and goes`);
  }
}

function openPresent(file: string): number | undefined {
  const how = constants.O_NOFOLLOW | constants.O_NONBLOCK; // what lies there may be anybody's link or pipe
  const fd =
    attempt('EACCES', () => openSync(file, constants.O_RDWR | how)) ??
    attempt('ENOENT', () => openSync(file, constants.O_RDONLY | how));
  if (fd === undefined || fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Error(`${file} is no file`);
}

function makeNew(file: string): number | undefined {
  const fd = attempt('EEXIST', () => openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o666));
  if (fd !== undefined) fchmodSync(fd, 0o666); // whatever the umask: the next holder writes down who it is
  return fd;
}

/** `undefined` for an error of this code. */
function attempt(code: string, open: () => number): number | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === code || error.code === 'ENOENT')) return undefined;
    throw error;
  }
}
