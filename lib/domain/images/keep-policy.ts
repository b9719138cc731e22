import type { KeptImage } from './kept.ts';

export interface Limits {
  readonly images: number;
  readonly gigabytes: number;
}

/**
 * Which kept images may go: the last, as many as are too many or too large together. Pure.
 *
 * @param images what is worth the most first: the newest.
 * @param needed ids that always stay: what runs, what the service's name stands for, and what ran before.
 */
export function surplus(images: readonly KeptImage[], needed: ReadonlySet<string>, limits: Limits): KeptImage[] {
  const sizes = new Map(images.map(({ id, bytes }) => [id, bytes]));
  const kept = new Set([...sizes.keys()].filter((id) => needed.has(id)));
  let left = limits.gigabytes * 1e9 - [...kept].reduce((sum, id) => sum + (sizes.get(id) ?? 0), 0);
  for (const [id, bytes] of sizes) {
    if (kept.has(id)) continue;
    // The first that doesn't fit ends it: a smaller but older one is not worth more.
    if (kept.size >= limits.images || bytes > left) break;
    kept.add(id);
    left -= bytes;
  }
  return images.filter(({ id }) => !kept.has(id));
}
