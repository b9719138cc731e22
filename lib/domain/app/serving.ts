import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { throwIfEnded } from '../../tools/docker/wait.ts';
import type { Served } from '../stack/deployment.ts';
import { endpointsOf, type Health, waitForHealth } from './health.ts';
import { requirePages } from './routes.ts';

/** One that has booted finds its database and Redis in less; visitors wait meanwhile. */
const UNHEALTHY_MS = 15_000;

/**
 * Both health checks several times in a row, right after the start; while requests are held, pages and other programs too.
 *
 * @param app as it was seen after it was started: since then, it may have ended.
 * @param hold while requests are held, its published ports lead elsewhere: it is asked at its own address, and one that answers and is not
 *   healthy is given up before those who wait are turned away.
 * @param before what nginx led people to, and how well.
 * @throws {OpsError} as `waitForHealth` and `requirePages`; with the container's last words also when it ended before it could be asked anything.
 */
export async function waitUntilServing(
  ops: Ops,
  app: Container,
  hold: { readonly holding: boolean },
  before: Served | undefined,
): Promise<Health> {
  // A container that ended has no address to be asked at. The engine counts its own restarts from our start on.
  const started = { ...app, restartCount: 0 };
  if (app.state !== 'running') await throwIfEnded(ops, started, 'app');
  const asked = hold.holding ? { ...app, ports: [] } : app;
  const healthy = (times: number) =>
    waitForHealth(ops, endpointsOf(ops.target, asked), started, {
      deadlineMs: ops.target.bootSeconds * 1000,
      intervalMs: 100,
      times,
      ...(hold.holding ? { unhealthyMs: UNHEALTHY_MS } : {}),
    });
  if (!hold.holding) return healthy(2);
  await healthy(1);
  const [health] = await allEnded([healthy(1), requirePages(ops, app, before)]);
  return health;
}
