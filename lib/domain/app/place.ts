import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { agent } from './agent.ts';
import type { Staging } from './staging.ts';

/** What the switch does to the container's files; all paths absolute. */
export interface Placement {
  /** From the staging directory to where it belongs. */
  readonly put: readonly (readonly [source: string, path: string])[];
  readonly remove: readonly string[];
  /** Byte code of what was replaced or removed. */
  readonly caches: readonly string[];
  /** To be dated now: by this a later run sees which processes are older. */
  readonly touch: readonly string[];
}

const paths = z.array(z.string());
/** CLOCK_BOOTTIME, seconds. */
const placed = z.object({ uptime: z.number() });

/** Keeps links to all that the placement will replace or remove. Nothing in place changes. Returns which of it exists. */
export function savePlaced(ops: Ops, staging: Staging, placement: Placement): Promise<readonly string[]> {
  const touched = [...placement.put.map(([, path]) => path), ...placement.remove];
  const args = { paths: touched, into: staging.saved };
  return agent(ops, staging.container, 'save', { effect: 'change', args, answer: paths });
}

/**
 * Puts a release in place, file by file, each by a rename: milliseconds for a thousand files. A container that dies in between
 * is left with some of both; doing it again, or {@link putBack}, makes it whole.
 *
 * @returns when it was done, in seconds since the machine's start: a process that was started later runs only what is there now.
 */
export async function place(ops: Ops, staging: Staging, placement: Placement): Promise<number> {
  // Those that are not removed with their last file.
  const keptDirectories = ['/', '/etc', '/usr', '/usr/share', ops.target.app.root];
  const args = { ...placement, suffix: '.whalefall-new', keptDirectories };
  return (await agent(ops, staging.container, 'place', { effect: 'change', args, answer: placed })).uptime;
}

/** The reverse, from what {@link savePlaced} kept; changes nothing where nothing was placed. */
export async function putBack(
  ops: Ops,
  staging: Staging,
  placement: Placement,
  saved: readonly string[],
): Promise<number> {
  const had = new Set(saved);
  const added = placement.put.map(([, path]) => path).filter((path) => !had.has(path));
  const put = saved.map((path) => [staging.saved + path, path] as const);
  return place(ops, staging, { put, remove: added, caches: placement.caches, touch: [] });
}
