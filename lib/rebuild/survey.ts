import { endpointsOf, healthCheck } from '../app/health.ts';
import { readMarker } from '../app/marker.ts';
import { userdataSize } from '../app/userdata.ts';
import { configHashes } from '../host/compose.ts';
import { freeBytes } from '../host/disk.ts';
import type { Ops } from '../host/ops.ts';
import { ask, CommandError } from '../host/run.ts';
import { summarizeContents } from '../postgres/contents.ts';
import { inspectHba } from '../postgres/hba.ts';
import { commitsMidwayHere } from '../release/midway.ts';
import { resolveStack } from '../target/compose-config.ts';
import { type Containers, type ExistingVolume, findContainers, findVolumes } from '../target/containers.ts';
import { databaseOf } from '../target/database.ts';
import { readEnv } from '../target/env.ts';
import { surveyPrerequisites } from '../target/prerequisites.ts';
import type { Container, PublishedPort, Stack } from '../target/stack.ts';
import { prepareEnv } from './env-step.ts';
import type { AppFacts, DatabaseFacts, Facts } from './facts.ts';

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
  const [database, app, takenPorts] = await Promise.all([
    surveyDatabase(ops, stack, volumes, containers),
    containers.app ? surveyApp(ops, containers.app) : undefined,
    findTakenPorts(ops, stack, containers),
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
    midway: commitsMidwayHere(ops, database.kind === 'running' ? database.revision : undefined),
    takenPorts,
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
    return { kind: 'unreadable', why: error.what };
  }
}

async function surveyApp(ops: Ops, container: Container): Promise<AppFacts> {
  if (container.state !== 'running') return { userdataBytes: 0, commit: undefined, serving: false };
  const [userdataBytes, marker, health] = await Promise.all([
    userdataSize(ops, container.id),
    readMarker(ops, container.id),
    healthCheck(ops, endpointsOf(ops.target, container), { timeoutMs: 2_000 }),
  ]);
  return { userdataBytes, commit: marker?.commit, serving: health.healthy };
}

/** Ports that the stack will publish and that something else holds. */
async function findTakenPorts(ops: Ops, stack: Stack, containers: Containers): Promise<PublishedPort[]> {
  const ours = new Set(Object.values(containers).flatMap((c) => c.ports.map((p) => p.published)));
  const wanted = Object.values(stack.services).flatMap((s) => s.ports.filter((p) => !ours.has(p.published)));
  const taken = await Promise.all(wanted.map((p) => ops.net.isPortTaken({ host: p.hostIp, port: p.published })));
  return wanted.filter((_, i) => taken[i]);
}
