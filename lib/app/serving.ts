import type { Ops } from '../host/ops.ts';
import type { Container } from '../target/stack.ts';
import { endpointsOf, type Health, waitForHealth } from './health.ts';

/** Both health checks several times in a row, right after the start. */
export const waitUntilServing = (ops: Ops, app: Container): Promise<Health> =>
  waitForHealth(ops, endpointsOf(ops.target, app), app, {
    deadlineMs: ops.target.bootSeconds * 1000,
    intervalMs: 100,
    times: 2,
  });
