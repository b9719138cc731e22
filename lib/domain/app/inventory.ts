import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { agent } from './agent.ts';
import { type CutShort, MARKER, type Marker, markersIn, STAGING } from './marker.ts';

/** A file as git names it: mode 100644, 100755 or 120000, and the id of its content as a blob. */
export interface FileEntry {
  readonly mode: string;
  readonly blob: string;
  /** What git may check in, where that is another: an image that was built from a work tree has CRLF, a filled in `$Id$`, another encoding. */
  readonly normalized?: readonly string[] | undefined;
}

/** Whether a file has what git has at a commit, as a blob or checked out. */
export const isContentOf = (there: FileEntry, had: FileEntry | undefined): boolean =>
  had !== undefined && (there.blob === had.blob || there.normalized?.includes(had.blob) === true);

/** Files by their path below a directory. */
export type Inventory = ReadonlyMap<string, FileEntry>;

const entries = z.record(
  z.string(),
  z.object({ mode: z.string(), blob: z.string(), normalized: z.array(z.string()).optional() }),
);
const answer = z.object({
  files: entries,
  elsewhere: entries,
  /** By path; null for a directory. */
  contents: z.record(z.string(), z.string().nullable()),
});

/** Every file below a directory of the container but byte code and what {@link keptPaths} names. */
export async function takeInventory(ops: Ops, container: string, root: string): Promise<Inventory> {
  const { files } = await look(ops, container, { root, also: [], contents: [] });
  return new Map(Object.entries(files));
}

/** What lies in the application's container. */
export interface Surroundings {
  /** As {@link takeInventory}, of the application's root. */
  readonly files: Inventory;
  /** Certain files elsewhere, by their whole path. */
  readonly elsewhere: Inventory;
  /** What the container says it runs; `undefined` for one that no script of ours released to. */
  readonly marker: Marker | undefined;
  readonly cutShort: CutShort;
}

/** @param also absolute; of a directory (with a slash at its end) the files directly in it. */
export async function lookAround(ops: Ops, container: string, also: readonly string[]): Promise<Surroundings> {
  const { root } = ops.target.app;
  const [marker, staging] = [`${root}/${MARKER}`, `${root}/${STAGING}`];
  const asked = { root, also, contents: [marker, staging, `${staging}/*/${MARKER}`] };
  const { files, elsewhere, contents } = await look(ops, container, asked);
  const { [marker]: said, [staging]: directory, ...left } = contents;
  return {
    files: new Map(Object.entries(files)),
    elsewhere: new Map(Object.entries(elsewhere)),
    marker: markersIn(said ?? '')[0],
    cutShort: {
      staging: directory !== undefined,
      releases: Object.values(left).flatMap((text) => markersIn(text ?? '')),
    },
  };
}

function look(
  ops: Ops,
  container: string,
  asked: { readonly root: string; readonly also: readonly string[]; readonly contents: readonly string[] },
) {
  const args = { ...asked, skipped: [...keptPaths(ops.target), MARKER, STAGING] };
  return agent(ops, container, 'inventory', { effect: 'read', args, answer, deadlineMs: 120_000 });
}

/** What no release touches, relative to the application's root. */
export function keptPaths(target: Ops['target']): readonly string[] {
  const { root, userdata } = target.app;
  return [userdata.slice(root.length + 1), ...target.release.kept];
}

/** Whether a path is one of those or lies in one. */
export const isKept = (target: Ops['target'], path: string): boolean =>
  keptPaths(target).some((kept) => path === kept || path.startsWith(`${kept}/`));
