import { type Stats, statSync } from 'node:fs';

/** What lies there, links followed: undefined when nothing does; null when this user can't tell, as behind a directory that is not for them. */
export function seenAt(file: string): Stats | undefined | null {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return null;
  }
}
