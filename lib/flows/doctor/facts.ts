import type { Watched } from '../../core/notify.ts';
import type { Text } from '../../core/text.ts';
import type { Drill } from '../../domain/ledger/drills.ts';
import type { Moved } from '../../domain/stack/deployment.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import type { Container, PublishedPort } from '../../tools/docker/containers.ts';
import type { ContainerHistory } from '../../tools/docker/history.ts';

/** A group of facts, or why it could not be asked. */
export type Asked<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: Text };

export type Value<A> = A extends { readonly known: true; readonly value: infer T } ? T : never;

export interface EngineFacts {
  readonly version: string;
  /** `undefined` without the plugin. */
  readonly compose: string | undefined;
  /** Where the engine is, when that is not this machine. */
  readonly elsewhere: string | undefined;
}

export interface ContainerFacts extends Container, ContainerHistory {
  /** Of an application that must not be started: a killed run had stopped it, and moved its data. */
  readonly moved?: Moved | undefined;
  /** What the name that compose gives its image means now; `undefined` when there is no such image. */
  readonly wantedImageId: string | undefined;
}

export interface MountedFile {
  readonly source: string;
  readonly target: string;
  /** `old`: another file is there by now under that name, and the container still has the former one. */
  readonly state: 'same' | 'old' | 'gone';
}

export interface OpenPort extends PublishedPort {
  readonly role: ServiceRole;
  readonly open: boolean;
}

export interface FrontEndFacts {
  /** When its sources were changed last in what is checked out, seconds since the epoch; `undefined` without any. */
  readonly changed: number | undefined;
  /** Whether the container's pages were built from those; `undefined` when it does not say from which. */
  readonly current: boolean | undefined;
}

export interface HostFacts {
  readonly disks: readonly Disk[];
  /** Bytes; of what can be given to programs. */
  readonly memory: { readonly total: number; readonly available: number };
  /** Of the last five minutes. */
  readonly load: number;
  readonly cpus: number;
  /** Of the deploy directory. */
  readonly owner: { readonly uid: number; readonly mine: boolean; readonly openToOthers: boolean };
  /** Log files of containers that have no limit, in bytes, where they can be seen. */
  readonly logs: readonly { readonly name: string; readonly bytes: number | undefined }[];
  /** What fills the disk, biggest first; only asked when it is short. */
  readonly fills: readonly { readonly what: Text; readonly bytes: number }[];
  readonly clockSynchronised: boolean | undefined;
}

export interface Disk {
  readonly path: string;
  readonly size: number;
  readonly free: number;
  /** 0 where the file system has no fixed number of them. */
  readonly inodes: number;
  readonly freeInodes: number;
}

export interface OurFacts {
  readonly newest: Readonly<{ name: string; at: number; level: string; failed: boolean }> | undefined;
  /** The newest that was really restored. */
  readonly restored: Readonly<{ name: string; at: number }> | undefined;
  readonly damaged: readonly string[];
  readonly leftovers: readonly string[];
  readonly exported: boolean;
  readonly drill: Drill | undefined;
  /** The run that somebody is to look after, and what `runs` can do about it. */
  readonly unfinished: Readonly<{ name: string; ways: readonly ('resume' | 'undo' | 'leave')[] }> | undefined;
  /** Of the last days: how often a backup was attempted and failed since the last good one. */
  readonly failedBackups: number;
  /** Helper containers of runs that are gone. */
  readonly remains: readonly string[];
  /** Whether somebody is told how runs end, and whom the last word did not reach, or can't reach. */
  readonly alerts: {
    readonly configured: boolean;
    readonly unreached: readonly { readonly to: string; readonly why: Text }[];
  };
  /** What has to succeed again and again, as the configuration has it. `success`: when it did last; milliseconds since the epoch. */
  readonly watched: readonly { readonly what: Watched; readonly hours: number; readonly success: number | undefined }[];
  /** Rows of each table (with its schema) in the oldest backup that is between a day and a month old. */
  readonly former: { readonly at: number; readonly rows: Readonly<Record<string, number>> } | undefined;
  /** A run that held requests was killed, and its rules have not been taken away. */
  readonly heldRules: boolean;
  /** Of the database, in its backups, newest first. */
  readonly sizes: readonly { readonly at: number; readonly bytes: number }[];
}
