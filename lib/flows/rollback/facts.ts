import type { Text } from '../../core/text.ts';
import type { Release } from '../../domain/ledger/releases.ts';
import type { RebuildReason } from '../../domain/release/rebuild-reasons.ts';

/** What the list of releases depends on. */
export interface Facts {
  /** The commit that runs, by the container's files; that of the ledger's last release where no container can be asked. */
  readonly running: string | undefined;
  /** A run did not end: what the container says that it runs may be there in parts. `back`: it was itself a way back. */
  readonly cutShort: 'back' | 'other' | undefined;
  /** Both health checks were healthy. */
  readonly serving: boolean;
  /** Oldest first. */
  readonly releases: readonly Release[];
  /** Images by id that the engine still has, of those that the ledger names. */
  readonly images: ReadonlySet<string>;
  /** Ids of kept images by their tags. */
  readonly kept: ReadonlyMap<string, string>;
  /** Why each commit needs another image than the one that runs; none when copying its files is enough. Absent: not in the repository. */
  readonly rebuild: ReadonlyMap<string, readonly RebuildReason[]>;
  /** Backups that are still there, by directory. */
  readonly backups: ReadonlySet<string>;
}

/** Whether a way is open: what it needs, or why not. */
export type Way<T> = { readonly open: true; readonly with: T } | { readonly open: false; readonly why: Text };

/** A release, and how it can be gone back to. */
export interface Choice {
  readonly release: Release;
  readonly runsNow: boolean;
  /** Its files into the running container; no request is lost. */
  readonly hot: Way<undefined>;
  /** A new container of its image: production is down for some seconds. */
  readonly image: Way<{ readonly id: string }>;
  /** Directory of the backup with the data that it left. */
  readonly backup: string | undefined;
}
