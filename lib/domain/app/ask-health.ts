import { z } from 'zod';
import type { Net, Ops } from '../../core/ops.ts';
import { agent } from './agent.ts';
import { type Health, healthCheck } from './health.ts';

const answer = z.array(z.object({ path: z.string(), status: z.int(), type: z.string(), body: z.string() }));

// As the entrypoint does it, so that it is the database that the application will use; and never a second scheduler.
const AS_APPLICATION =
  'set -a; . "$1/.env"; set +a; export "$2=false"; cd "$1"; seconds=$3; shift 3; exec timeout -k 5 "$seconds" "$@"';

/**
 * Creates the application in a container that serves nobody, and asks it for its health, both checks.
 *
 * @param database another one on the same server than the application is configured for.
 * @throws {CommandError} with the application's own words when it can't be created.
 */
export async function askHealth(ops: Ops, container: string, database?: string): Promise<Health> {
  const { root, factory, schedulerVariable } = ops.target.app;
  const { basic, deep } = ops.target.health;
  const seconds = ops.target.bootSeconds;
  const said = await agent(ops, container, 'ask_health', {
    effect: 'change',
    under: ['bash', '-c', AS_APPLICATION, 'as-application', root, schedulerVariable, String(seconds)],
    args: { root, factory, database: database ?? null, paths: [basic, ...deep] },
    answer,
    deadlineMs: (seconds + 15) * 1000,
  });
  const net: Net = {
    ...ops.net,
    fetch: async (url) => {
      const { pathname } = new URL(url);
      const reply = said.find((a) => a.path === pathname);
      return new Response(reply?.body ?? '', {
        status: reply?.status ?? 404,
        headers: { 'content-type': reply?.type ?? '' },
      });
    },
  };
  return healthCheck({ ...ops, net }, { nginx: 'http://inside', direct: 'http://inside' });
}
