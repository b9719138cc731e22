import path from 'node:path';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { agent } from './agent.ts';
import { KEPT_LIST, type Staging, stagingDir } from './staging.ts';

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

const kept = z.object({
  /** What there was. */
  there: z.array(z.string()),
  /** What there was not: to be removed on the way back. */
  absent: z.array(z.string()),
  /** Some of it is as a run had found it that was killed since. */
  ofKilled: z.boolean(),
});

/** What a placement goes back to; all paths absolute. */
export type Kept = z.infer<typeof kept>;

/** CLOCK_BOOTTIME, seconds. */
const placed = z.object({ uptime: z.number() });

/**
 * Keeps links to all that the placement will replace or remove, and to what runs had found that were killed. Nothing in place changes.
 *
 * @param killed names of those runs, oldest first.
 */
export function savePlaced(ops: Ops, staging: Staging, placement: Placement, killed: readonly string[]): Promise<Kept> {
  const touched = [...placement.put.map(([, path]) => path), ...placement.remove];
  const dirs = killed.map((run) => stagingDir(ops, run));
  const args = { paths: touched, into: staging.saved, killed: dirs, list: KEPT_LIST };
  return agent(ops, staging.container, 'save', { effect: 'change', args, answer: kept });
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
  const args = { ...placement, saved: staging.saved, suffix: '.whalefall-new', keptDirectories };
  return (await agent(ops, staging.container, 'place', { effect: 'change', args, answer: placed })).uptime;
}

/** The reverse, from what {@link savePlaced} kept; changes nothing where nothing was placed. */
export async function putBack(ops: Ops, staging: Staging, { there, absent }: Kept): Promise<number> {
  const put = there.map((path) => [staging.saved + path, path] as const);
  const caches = [...there, ...absent].flatMap(byteCode);
  return place(ops, staging, { put, remove: absent, caches, touch: [] });
}

/** Where Python 3.9 to 3.14 keep a file's byte code. */
export function byteCode(file: string): string[] {
  if (!file.endsWith('.py')) return [];
  const { dir, name } = path.posix.parse(file);
  return [9, 10, 11, 12, 13, 14].map((minor) => `${dir}/__pycache__/${name}.cpython-3${minor}.pyc`);
}
