import type { Text } from '../../core/text.ts';
import type { Release } from '../../domain/ledger/releases.ts';
import type { RebuildReason } from '../../domain/release/rebuild-reasons.ts';
import type { Cutover } from '../../domain/replacement/cutover.ts';
import type { Facts as RestoreFacts } from '../../domain/restoration/facts.ts';
import type { Definition } from '../../tools/docker/definition.ts';
import type { Database } from '../../tools/postgres/psql.ts';

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

/** What the steps of this way know and have put aside; what will be deployed is the release. */
export interface ImageWay extends Cutover {
  readonly choice: Choice;
  /** The image to go back to. */
  readonly imageId: string;
  /** What that release's container was made of. */
  readonly kept: Definition | undefined;
  readonly database: Database;
  /** The database's own id, whatever it is called; asked when data goes back too. */
  readonly oid: number | undefined;
  readonly revision: string | undefined;
  /** The data that goes back with the code. */
  readonly data: RestoreFacts | undefined;
}
