import type { HttpChannel } from './post.ts';

/** `start`: it begins. `fail`: it failed. Without: it succeeded. */
export type Signal = 'start' | 'fail' | undefined;

/** The address of a dead-man's switch for a signal, as healthchecks.io has it: the signal is the last part of the path. */
export function pingUrl(address: string, signal: Signal): string {
  const to = new URL(address);
  if (signal !== undefined) to.pathname = `${to.pathname.replace(/\/+$/, '')}/${signal}`;
  return to.href;
}

/** healthchecks.io answers 200 for a check that it does not have, and for one that is asked too often: `OK (not found)`, `OK (rate limited)`. */
export const pingRefusal: HttpChannel['refusal'] = (body) =>
  /^OK \(/.test(body.trim()) || /"ok"\s*:\s*false/.test(body) ? body : undefined;
