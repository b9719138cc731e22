import type { Cluster, Database } from './cluster.ts';
import { contentOf, holdsAnything, PGDATA } from './cluster.ts';
import type { Container, Volume } from './engine.ts';
import type { Tree } from './tar.ts';

/** Something of production's that is not there any more. */
export type Loss =
  | { readonly kind: 'volume'; readonly name: string; readonly files: Tree }
  | { readonly kind: 'database'; readonly name: string; readonly content: Database }
  | { readonly kind: 'userdata'; readonly container: string; readonly files: Tree };

/** Writes down what is destroyed, with its content at that moment, and what was seen to be a backup. Helpers' own things don't count. */
export class Ledger {
  readonly losses: Loss[] = [];
  /** Archives of databases that a server has restored. */
  readonly restored = new Set<string>();

  volumeGone({ name, files }: Volume): void {
    if (Object.keys(files).length === 0) return;
    this.losses.push({ kind: 'volume', name, files: structuredClone(files) });
  }

  databaseGone(container: Container, name: string, content: Database): void {
    if (container.mounts?.[PGDATA] === undefined || !holdsAnything(content)) return;
    this.losses.push({ kind: 'database', name, content: structuredClone(contentOf(content)) });
  }

  containerGone({ id, layer }: Container): void {
    const files = Object.fromEntries(Object.entries(layer).filter(([f]) => f.startsWith('/app/userdata/')));
    if (Object.keys(files).length > 0) this.losses.push({ kind: 'userdata', container: id, files });
  }
}

/** The databases of a data directory that hold anything. */
export const databasesIn = (files: Tree): Record<string, Database> =>
  Object.fromEntries(
    Object.entries((files.cluster as Cluster | undefined)?.databases ?? {})
      .filter(([, db]) => holdsAnything(db))
      .map(([name, db]) => [name, contentOf(db)]),
  );
