import type { Ops } from '../../core/ops.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { throwIfEnded } from '../../tools/docker/wait.ts';
import { endpointsOf, type Health, waitForHealth } from './health.ts';

/**
 * Both health checks several times in a row, right after the start.
 *
 * @param app as it was seen after it was started: since then, it may have ended.
 * @throws {OpsError} as `waitForHealth`; with the container's last words also when it ended before it could be asked anything.
 */
export async function waitUntilServing(ops: Ops, app: Container): Promise<Health> {
  // A container that ended has no address to be asked at. The engine counts its own restarts from our start on.
  const started = { ...app, restartCount: 0 };
  if (app.state !== 'running') await throwIfEnded(ops, started, 'app');
  return waitForHealth(ops, endpointsOf(ops.target, app), started, {
    deadlineMs: ops.target.bootSeconds * 1000,
    intervalMs: 100,
    times: 2,
  });
}
