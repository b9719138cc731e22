import { it } from 'vitest';

/** `E2E=full` runs every moment and kind there is; without it, of each list those that differ most. */
export const thorough = process.env.E2E === 'full';

/** @param usual positions in the list. */
export const some = <T>(all: readonly T[], ...usual: readonly number[]): readonly T[] =>
  thorough ? all : all.filter((_, at) => usual.includes(at));

/** A case that only `E2E=full` has time for. The others say that it was skipped. */
export const itInFull = it.skipIf(!thorough);
