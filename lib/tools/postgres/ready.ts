import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { exec } from '../docker/docker.ts';
import { ONE_TRY_MS, waitForService } from '../docker/wait.ts';
import type { Database } from './psql.ts';

/**
 * Waits until PostgreSQL takes TCP connections. The socket would say so too early: the official image's init scripts
 * run on a server that listens on the socket alone.
 *
 * @throws {OpsError} `deadline`, or `command` as soon as the container ended or was restarted; with its last log lines.
 */
export async function waitForPostgres(
  ops: Ops,
  db: Pick<Database, 'container' | 'user' | 'name'>,
  deadlineMs: number,
): Promise<void> {
  const isReady = exec('read', db.container.id, ['pg_isready', '-q', '-h', '127.0.0.1', '-U', db.user, '-d', db.name], {
    deadlineMs: ONE_TRY_MS,
  });
  await waitForService(ops, db.container, { name: 'PostgreSQL', deadlineMs }, async () => {
    // 1: refuses connections as yet; 2: no answer; 126, 127, 137: the container is not there (yet, or any more).
    return (await run(ops, isReady, [0, 1, 2, 126, 127, 137])).exitCode === 0;
  });
}
