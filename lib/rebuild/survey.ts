import { endpointsOf, healthCheck } from '../app/health.ts';
import { lookAround } from '../app/inventory.ts';
import { userdataSize } from '../app/userdata.ts';
import { configHashes } from '../host/compose.ts';
import { freeBytes } from '../host/disk.ts';
import type { Ops } from '../host/ops.ts';
import { ask, CommandError } from '../host/run.ts';
import { summarizeContents } from '../postgres/contents.ts';
import { inspectHba } from '../postgres/hba.ts';
import { canLogIn, type Login } from '../postgres/login.ts';
import { readReleases } from '../runbook/releases.ts';
import { identifyRunning } from '../runbook/running.ts';
import { findBrokenBinds } from '../target/binds.ts';
import { resolveStack } from '../target/compose-config.ts';
import { type Containers, type ExistingVolume, findContainers, findVolumes } from '../target/containers.ts';
import { databaseOf } from '../target/database.ts';
import { readEnv } from '../target/env.ts';
import { findUnusablePorts } from '../target/ports.ts';
import { surveyPrerequisites } from '../target/prerequisites.ts';
import type { Container, Stack } from '../target/stack.ts';
import { databasePassword } from './database.ts';
import { prepareEnv } from './env-step.ts';
import type { AppFacts, DatabaseFacts, Facts } from './facts.ts';
import { ownAddress } from './stores.ts';

/**
 * Looks at everything the plan depends on, and changes nothing but this: an absent `.env` is created, after asking and never
 * under `--plan`. Questions that don't depend on one another are asked at once.
 *
 * @throws {OpsError} `precondition` or `config` with all findings at once.
 */
export async function surveyRebuild(ops: Ops, planOnly: boolean): Promise<Facts> {
  const started = ops.clock.monotonic();
  const first = [
    surveyPrerequisites(ops),
    readEnv(ops),
    resolveStack(ops),
    ask(ops, configHashes(ops.target)),
  ] as const;
  // They are awaited in the order in which an error explains the others: without an engine nothing else means anything.
  for (const answer of first) answer.catch(() => undefined);
  const prerequisites = await first[0];
  const { env, stack } = await prepareEnv(ops, await first[1], first[2], planOnly);

  const [containers, volumes] = await Promise.all([findContainers(ops, stack), findVolumes(ops, stack)]);
  const [database, app, unusablePorts, brokenBinds, login] = await Promise.all([
    surveyDatabase(ops, stack, volumes, containers),
    containers.app ? surveyApp(ops, containers.app, prerequisites.checkout.commit) : undefined,
    findUnusablePorts(ops, stack, containers),
    findBrokenBinds(ops, stack, containers),
    surveyLogin(ops, stack, volumes, containers),
  ]);
  const { postgres, redis } = stack.services;
  return {
    ...prerequisites,
    env,
    stack,
    containers,
    volumes,
    database,
    app,
    unusablePorts,
    brokenBinds,
    login,
    exposedPorts: [...postgres.ports, ...redis.ports].filter((p) => !/^127\.|^::1$/.test(p.hostIp)),
    freeBytes: freeBytes(ops.target.dir),
    storesCurrent: storesAreCurrent(stack, containers, env === 'present' ? await first[3] : ''),
    milliseconds: Math.round(ops.clock.monotonic() - started),
  };
}

/** Whether PostgreSQL and Redis run and are what the compose file says, so that `up` would do nothing: by the hash it compares. */
function storesAreCurrent(stack: Stack, containers: Containers, hashes: string): boolean {
  const wanted = new Map(hashes.split('\n').map((line) => line.split(' ') as [string, string]));
  return (['postgres', 'redis'] as const).every((role) => {
    const container = containers[role];
    return container?.state === 'running' && container.configHash === wanted.get(stack.services[role].key);
  });
}

async function surveyDatabase(
  ops: Ops,
  stack: Stack,
  volumes: readonly ExistingVolume[],
  containers: Containers,
): Promise<DatabaseFacts> {
  if (!volumes.some((v) => v.role === 'postgres')) return { kind: 'none' };
  if (containers.postgres?.state !== 'running') return { kind: 'stopped' };
  const db = databaseOf(stack, containers.postgres, volumes);
  try {
    const [contents, hba] = await Promise.all([summarizeContents(ops, db), inspectHba(ops, db)]);
    return { kind: 'running', ...contents, remoteTrust: hba.remoteTrust.length };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { kind: 'unreadable', why: error.what.en };
  }
}

async function surveyApp(ops: Ops, container: Container, checkedOut: string): Promise<AppFacts> {
  const released = readReleases(ops.paths).at(-1)?.commit;
  if (container.state !== 'running')
    return { userdataBytes: 0, commit: undefined, running: undefined, released, serving: false };
  const [userdataBytes, around, health] = await Promise.all([
    userdataSize(ops, container.id),
    lookAround(ops, container.id, []),
    healthCheck(ops, endpointsOf(ops.target, container), { timeoutMs: 2_000 }),
  ]);
  const running = await identifyRunning(ops, around, container.imageId, checkedOut);
  return { userdataBytes, commit: running.commit, running, released, serving: health.healthy };
}

/** The login that the application will do, with the password that it will have, at the server as it is. */
async function surveyLogin(
  ops: Ops,
  stack: Stack,
  volumes: readonly ExistingVolume[],
  { postgres }: Containers,
): Promise<Login | undefined> {
  if (postgres?.state !== 'running' || !volumes.some((v) => v.role === 'postgres')) return undefined;
  const from = { container: postgres.id, host: ownAddress({ stack }, postgres) };
  return canLogIn(ops, databaseOf(stack, postgres, volumes), from, databasePassword({ stack }));
}
