import { endpointsOf, healthCheck } from '../app/health.ts';
import { read } from '../host/command.ts';
import { exec } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { ask, CommandError, run } from '../host/run.ts';
import { summarizeContents } from '../postgres/contents.ts';
import { inspectHba } from '../postgres/hba.ts';
import { resolveStack } from '../target/compose-config.ts';
import { type Containers, type ExistingVolume, findContainers, findVolumes } from '../target/containers.ts';
import { freeBytes, type Prerequisites, surveyPrerequisites } from '../target/prerequisites.ts';
import type { Container, PublishedPort, Stack } from '../target/stack.ts';
import { MARKER } from './app-container.ts';
import { databaseOf } from './database.ts';
import { prepareEnv } from './env-step.ts';
import type { AppFacts, DatabaseFacts, Facts } from './facts.ts';
import { commitOf } from './prove.ts';
import { storesAreCurrent } from './stores-current.ts';

/**
 * Looks at everything the plan depends on, and changes nothing but this: an absent `.env` is created, after asking and never
 * under `--plan`. Questions that don't depend on one another are asked at once.
 *
 * @throws {OpsError} `precondition` or `config` with all findings at once.
 */
export async function surveyRebuild(ops: Ops, planOnly: boolean): Promise<Facts> {
  const started = ops.clock.monotonic();
  const prerequisites = await surveyPrerequisites(ops);
  const facts = await prepareEnv(ops, planOnly, (env, projectDirectory) =>
    surveyStack(ops, prerequisites, env, projectDirectory),
  );
  return { ...facts, milliseconds: Math.round(ops.clock.monotonic() - started) };
}

async function surveyStack(
  ops: Ops,
  { engine, compose, checkout }: Prerequisites,
  env: Facts['env'],
  projectDirectory: string | undefined,
): Promise<Omit<Facts, 'milliseconds'>> {
  const stack = await resolveStack(ops, projectDirectory === undefined ? {} : { projectDirectory });
  const [containers, volumes] = await Promise.all([findContainers(ops, stack), findVolumes(ops, stack)]);
  const bare = { stack, volumes };
  const [database, app, takenPorts, storesCurrent] = await Promise.all([
    surveyDatabase(ops, bare, containers),
    containers.app ? surveyApp(ops, containers.app) : undefined,
    findTakenPorts(ops, stack, containers),
    storesAreCurrent(ops, stack, containers),
  ]);
  return {
    engine,
    compose,
    checkout,
    env,
    stack,
    containers,
    volumes,
    database,
    app,
    takenPorts,
    exposedPorts: [...stack.services.postgres.ports, ...stack.services.redis.ports].filter(
      (p) => !/^127\.|^::1$/.test(p.hostIp),
    ),
    freeBytes: freeBytes(ops.target.dir),
    storesCurrent,
  };
}

async function surveyDatabase(
  ops: Ops,
  { stack, volumes }: { stack: Stack; volumes: readonly ExistingVolume[] },
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

async function surveyApp(ops: Ops, container: Container): Promise<AppFacts> {
  const running = container.state === 'running';
  const [diff, size, commit, health] = await Promise.all([
    ask(ops, read(['docker', 'diff', container.id], { deadlineMs: 30_000 })),
    running ? userdataSize(ops, container) : 0,
    running ? commitOf(ops, container) : undefined,
    running ? healthCheck(ops, endpointsOf(ops.target, container), { timeoutMs: 2_000 }) : undefined,
  ]);
  return { userdataBytes: size, drifted: hasDrifted(ops, diff), commit, serving: health?.healthy ?? false };
}

/** `docker diff`: whether files of the application were changed after the container was made. */
function hasDrifted(ops: Ops, diff: string): boolean {
  const { root, userdata } = ops.target.app;
  const ours = (file: string) =>
    file.startsWith(`${root}/`) &&
    file !== `${root}/.env` &&
    file !== `${root}/${MARKER}` &&
    file !== userdata &&
    !file.startsWith(`${userdata}/`) &&
    !/\/__pycache__(\/|$)|\.pyc$/.test(file);
  // A directory is listed as changed when anything in it is: only files and new or deleted things count.
  const lines = diff.split('\n').map((line) => ({ kind: line[0], file: line.slice(2) }));
  const parents = new Set(lines.flatMap(({ file }) => ancestors(file)));
  return lines.some(({ kind, file }) => ours(file) && !(kind === 'C' && parents.has(file)));
}

function ancestors(file: string): string[] {
  const parts = file.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

async function userdataSize(ops: Ops, container: Container): Promise<number> {
  const du = exec('read', container.id, ['du', '-sk', ops.target.app.userdata]);
  const { stdout } = await run(ops, du, [0, 1, 126, 127]);
  return (Number.parseInt(stdout, 10) || 0) * 1024;
}

/** Ports that the stack will publish and that something else holds. */
async function findTakenPorts(ops: Ops, stack: Stack, containers: Containers): Promise<PublishedPort[]> {
  const ours = new Set(Object.values(containers).flatMap((c) => c.ports.map((p) => p.published)));
  const wanted = Object.values(stack.services).flatMap((s) => s.ports.filter((p) => !ours.has(p.published)));
  const taken = await Promise.all(wanted.map((p) => ops.net.isPortTaken({ host: p.hostIp, port: p.published })));
  return wanted.filter((_, i) => taken[i]);
}
