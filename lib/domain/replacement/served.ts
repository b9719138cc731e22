import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import type { Text } from '../../core/text.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { throwIfEnded } from '../../tools/docker/wait.ts';
import { endpointsOf, type Health, waitForHealth } from '../app/health.ts';
import { cutJobs, cutTexts } from '../app/jobs.ts';
import { downTexts, findProgramsIfAny, requirePrograms } from '../app/programs.ts';
import { requireRoutes, servedTexts } from '../app/routes.ts';
import { hiddenText } from '../release/hidden.ts';
import type { Facts, Job } from '../stack/deployment.ts';
import { databaseOf } from '../stack/stack.ts';

const LOOK_EVERY_MS = 200;

/**
 * Both health checks within the time that a boot may take. Between two starts a container has no address to be asked at as yet.
 *
 * @param ended what throws when waiting is pointless; default: when it ended or crashed.
 * @throws {OpsError} as `waitForHealth`
 */
export async function waitUntilHealthy(ops: Ops, app: Container, ended?: () => Promise<void>): Promise<Health> {
  const deadlineMs = ops.target.bootSeconds * 1000;
  const now = await poll(ops, { everyMs: LOOK_EVERY_MS, forMs: deadlineMs }, async () => {
    const seen = await inspectContainer(ops, app.id);
    return seen.state === 'restarting' ? undefined : seen;
  });
  if (now?.state !== 'running') await throwIfEnded(ops, app, 'app');
  const up = now ?? app;
  return waitForHealth(ops, endpointsOf(ops.target, up), ended ?? up, { deadlineMs });
}

/** What of all that serves can't be proved, or is not well before anything changes. */
export const servedWarnings = ({ app, hidden = [] }: Facts): readonly Text[] => [
  ...hidden.map(hiddenText),
  ...servedTexts(app?.served),
  ...downTexts(app?.programs ?? []),
];

/**
 * Beside the health checks: what nginx leads people to, and every program.
 *
 * @param app the new container.
 * @returns what is not well, not released or not known all the same; none of it was better before.
 * @throws {OpsError} the first thing that was, or that nothing excuses.
 */
export async function proveServed(ops: Ops, facts: Facts, app: Container): Promise<readonly Text[]> {
  const { app: before, hidden = [] } = facts;
  const programs = await requirePrograms(ops, app.id, before ? before.programs : []);
  const routes = await requireRoutes(ops, app, before?.served, { mayDrop: true });
  return [...routes, ...programs, ...hidden.map(hiddenText), ...cutTexts(await cutNow(ops, facts, app))];
}

/** Jobs that ended with the former container. Data that was deleted or replaced has none of them. */
async function cutNow(
  ops: Ops,
  { stack, containers: { postgres }, volumes, jobs }: Facts,
  app: Container,
): Promise<readonly Job[]> {
  if (jobs === undefined || postgres === undefined) return [];
  const programs = await findProgramsIfAny(ops, app.id);
  return programs ? cutJobs(ops, databaseOf(stack, postgres, volumes), jobs, programs) : [];
}
