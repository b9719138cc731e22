import { z } from 'zod';
import type { Ops } from '../host/ops.ts';
import { agent } from './agent.ts';
import { MARKER, STAGING } from './marker.ts';

/** A file as git names it: mode 100644, 100755 or 120000, and the id of its content as a blob. */
export interface FileEntry {
  readonly mode: string;
  readonly blob: string;
}

/** Files by their path below a directory. */
export type Inventory = ReadonlyMap<string, FileEntry>;

const entries = z.record(z.string(), z.object({ mode: z.string(), blob: z.string() }));
const answer = z.object({ files: entries, elsewhere: entries });

/** Every file below a directory of the container but byte code and what {@link keptPaths} names. */
export async function takeInventory(ops: Ops, container: string, root: string): Promise<Inventory> {
  return (await takeInventories(ops, container, root, [])).files;
}

/**
 * The same, and certain files elsewhere in the container.
 *
 * @param also absolute; of a directory (with a slash at its end) the files directly in it.
 */
export async function takeInventories(
  ops: Ops,
  container: string,
  root: string,
  also: readonly string[],
): Promise<{ readonly files: Inventory; readonly elsewhere: Inventory }> {
  const args = { root, also, skipped: [...keptPaths(ops.target), MARKER, STAGING] };
  const found = await agent(ops, container, 'inventory', { effect: 'read', args, answer, deadlineMs: 120_000 });
  return { files: new Map(Object.entries(found.files)), elsewhere: new Map(Object.entries(found.elsewhere)) };
}

/** What no release touches, relative to the application's root. */
export function keptPaths(target: Ops['target']): readonly string[] {
  const { root, userdata } = target.app;
  return [userdata.slice(root.length + 1), ...target.release.kept];
}

/** Whether a path is one of those or lies in one. */
export const isKept = (target: Ops['target'], path: string): boolean =>
  keptPaths(target).some((kept) => path === kept || path.startsWith(`${kept}/`));
