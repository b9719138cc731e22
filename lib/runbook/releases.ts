import { closeSync, constants, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Paths } from '../host/ops.ts';

/** What has been released here, when and how it can be gone back to; one JSON object a line in `<state>/releases`. */
export interface Release {
  /** RFC 3339. */
  readonly at: string;
  readonly kind: 'rebuild' | 'hot' | 'restore' | 'rollback';
  readonly commit: string;
  readonly subject: string;
  readonly imageId: string;
  /** The image that ran before, under a tag that no build moves. */
  readonly previousImage: string | undefined;
  readonly backup: string | undefined;
  readonly run: string;
}

const file = (paths: Pick<Paths, 'state'>) => path.join(paths.state, 'releases');

/** Appends and flushes. */
export function recordRelease(paths: Paths, release: Release): void {
  const fd = openSync(file(paths), constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
  try {
    writeSync(fd, `${JSON.stringify(release)}\n`);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Oldest first. A line that a crash has torn is left out. */
export function readReleases(paths: Pick<Paths, 'state'>): Release[] {
  if (!existsSync(file(paths))) return [];
  return readFileSync(file(paths), 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Release];
      } catch {
        return [];
      }
    });
}
