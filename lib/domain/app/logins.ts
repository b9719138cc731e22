import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { agent } from './agent.ts';

const login = z.object({
  /** False: the container has no driver. */
  asked: z.boolean(),
  ok: z.boolean().optional(),
  /** The driver's or the server's words when it is not. */
  said: z.string(),
  recovery: z.boolean().optional(),
  /** A transaction of this login can't write. */
  readOnly: z.boolean().optional(),
});

const both = z.object({ now: login.optional(), next: login.optional() });
const answer = z.object({ database: both, redis: both });

/** Logins of this moment. `now`: with what the web program has; `next`: with what its next start will have. Absent: there is no such URL. */
export type FreshLogins = z.infer<typeof answer>;

/**
 * @param pid of the web program in the container's own numbers; 0 when there is none.
 * @param next the environment that its next start will have. Goes in by stdin.
 */
export function loginsAnew(
  ops: Ops,
  container: string,
  pid: number,
  next: Readonly<Record<string, string | undefined>>,
): Promise<FreshLogins> {
  const { DATABASE_URL, CACHE_REDIS_URL } = next;
  const args = { pid, next: { DATABASE_URL, CACHE_REDIS_URL } };
  return agent(ops, container, 'logins', { effect: 'read', args, answer, deadlineMs: 15_000 });
}
