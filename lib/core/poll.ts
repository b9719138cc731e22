import type { Ops } from './ops.ts';

interface Patience {
  readonly everyMs: number;
  /** Default: as long as it takes. */
  readonly forMs?: number;
}

/**
 * Looks again and again until there is an answer.
 *
 * @param look its answer; undefined: not yet.
 * @returns undefined when there is none within `forMs`; it is looked for at least once.
 */
export async function poll<T>(
  { clock, signal }: Pick<Ops, 'clock' | 'signal'>,
  { everyMs, forMs = Number.POSITIVE_INFINITY }: Patience,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = clock.monotonic() + forMs;
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    if (clock.monotonic() >= end) return undefined;
    await clock.sleep(everyMs, signal);
  }
}
