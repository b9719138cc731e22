import type { Manifest, Stored } from './manifest.ts';

/** How many backups of a database, and for how long, are kept. What is left out keeps nothing. */
export interface Retention {
  /** The newest so many of each database. */
  readonly keep?: number | undefined;
  /** Those younger than so many days. */
  readonly keepDays?: number | undefined;
  /** Of the tagged ones only those with this tag; default: all of them. */
  readonly keepTag?: string | undefined;
}

/** Why a backup stays. */
export type Reason = 'newest' | 'young' | 'tagged' | 'proved' | 'release';

class ExpendableBackup {
  readonly #brand = true;
  readonly stored: Stored;

  constructor(stored: Stored) {
    this.stored = stored;
  }

  static is(value: unknown): value is ExpendableBackup {
    return typeof value === 'object' && value !== null && #brand in value;
  }
}

/** A backup that may be removed. Made by {@link sortOut} and by nothing else. */
export type Expendable = ExpendableBackup;

/** Run-time counterpart of the type, for callers that come from plain JavaScript. */
export const isExpendable = ExpendableBackup.is;

const DAY_MS = 86_400_000;

/**
 * Says of each backup whether it stays, and why. Whatever the numbers are, these do: of each database the newest that was restored
 * and compared, tagged ones, and those that a release would need on its way back. One that failed its verification counts for
 * nothing.
 *
 * @param needed names of backups that releases name.
 * @param now milliseconds since the epoch.
 */
export function sortOut(
  stored: readonly Stored[],
  retention: Retention,
  needed: ReadonlySet<string>,
  now: number,
): {
  readonly goes: readonly Expendable[];
  readonly stays: readonly { readonly stored: Stored; readonly why: Reason }[];
} {
  const goes: Expendable[] = [];
  const stays: { stored: Stored; why: Reason }[] = [];
  for (const all of group(stored).values()) {
    const newestFirst = [...all].sort((a, b) => compare(b.manifest, a.manifest));
    const sound = newestFirst.filter((s) => s.manifest.verification.failure === undefined);
    const counted = new Set(sound.slice(0, retention.keep ?? 0));
    const proved = sound.find((s) => isProved(s.manifest));
    for (const one of newestFirst) {
      const { tag, createdAt } = one.manifest;
      const why: Reason | false =
        (one === proved && 'proved') ||
        (tag !== null && (retention.keepTag ?? tag) === tag && 'tagged') ||
        (needed.has(one.manifest.id) && 'release') ||
        (counted.has(one) && 'newest') ||
        (now - Date.parse(createdAt) < (retention.keepDays ?? 0) * DAY_MS && 'young');
      if (why) stays.push({ stored: one, why });
      else goes.push(new ExpendableBackup(one));
    }
  }
  return { goes, stays };
}

/** Backups of one thing; of different ones, none stands for another. */
const what = ({ manifest }: Stored): string =>
  JSON.stringify(
    manifest.kind === 'database' ? ['database', manifest.database.name] : ['volume', manifest.volume.name],
  );

/** A copy of a volume can't be restored and compared; that it was read to its end, or ran a server, is the most there is. */
const isProved = ({ kind, verification: { level } }: Manifest): boolean =>
  kind === 'database' ? level === 'restored' : level === 'readable' || level === 'started';

const compare = (a: Manifest, b: Manifest): number =>
  Date.parse(a.createdAt) - Date.parse(b.createdAt) || a.id.localeCompare(b.id);

function group(stored: readonly Stored[]): Map<string, Stored[]> {
  const groups = new Map<string, Stored[]>();
  for (const one of stored) groups.set(what(one), [...(groups.get(what(one)) ?? []), one]);
  return groups;
}
