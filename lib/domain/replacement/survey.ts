import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { ask, run } from '../../core/run.ts';
import { config, hashOf } from '../../tools/docker/compose.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { requireReachable } from '../../tools/docker/engine.ts';
import { freeBytes } from '../../tools/files/durable.ts';
import { treeOf } from '../../tools/git/tree.ts';
import { canLogIn, type Login } from '../../tools/postgres/login.ts';
import { lastingKeys } from '../../tools/redis/keys.ts';
import { endpointsOf, healthCheck } from '../app/health.ts';
import { lookAround } from '../app/inventory.ts';
import { surveyJobs } from '../app/jobs.ts';
import { findProgramsIfAny } from '../app/programs.ts';
import { surveyServed } from '../app/routes.ts';
import { holdsState } from '../app/state-inside.ts';
import { findUnreachable, neverServed, userdataSize } from '../app/userdata.ts';
import { claimStack } from '../data/claim.ts';
import { readEnv } from '../env/env.ts';
import { surveyExample } from '../env/example.ts';
import { imageId } from '../images/build.ts';
import { imageState } from '../images/running.ts';
import { readReleases } from '../ledger/releases.ts';
import { builtArtefacts, madeOf, takenAsTheyLie } from '../release/artefact-stages.ts';
import { findArtefacts } from '../release/artefacts.ts';
import { hiddenBy } from '../release/hidden.ts';
import { commitsMidwayHere } from '../release/midway.ts';
import { identifyRunning } from '../release/running.ts';
import { findBrokenBinds } from '../stack/binds.ts';
import { resolveStack } from '../stack/compose-config.ts';
import { type Containers, findAllContainers, findVolumes } from '../stack/containers.ts';
import type { AppFacts, Facts, Jobs } from '../stack/deployment.ts';
import { findHomes } from '../stack/homes.ts';
import { withLeftAlone } from '../stack/left-alone.ts';
import { findChangedNetworks } from '../stack/networks.ts';
import { findUnusablePorts } from '../stack/ports.ts';
import { surveyPrerequisites } from '../stack/prerequisites.ts';
import { findSoleContainers } from '../stack/replicas.ts';
import { databaseOf, databaseVolume, type ServiceRole, type Stack } from '../stack/stack.ts';
import { prepareEnv } from './env-step.ts';
import { surveyEnvChange } from './former-env.ts';
import { databasePassword, ownAddress, redisPassword } from './stack-facts.ts';
import { stoppedOf } from './stopped.ts';
import { surveyCollation } from './survey-collation.ts';
import { findDetached, isFresh, startsWithin, surveyDatabase } from './survey-data.ts';

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
    run(ops, config(ops.target)).then(({ stdout }) => ask(ops, hashOf(ops.target, '*', stdout))),
  ] as const;
  // They are awaited in the order in which an error explains the others: without an engine nothing else means anything.
  for (const answer of first) answer.catch(() => undefined);
  const prerequisites = await first[0];
  await requireReachable(ops);
  const reading = await first[1];
  const { env, stack: resolved } = await prepareEnv(ops, reading, first[2], planOnly);

  await claimStack(ops, resolved);
  const stack = await withLeftAlone(ops, resolved);
  const [containers, volumes] = await Promise.all([findSoleContainers(ops, stack), findVolumes(ops, stack)]);
  const hashes = env === 'present' ? await first[3] : '';
  const deployed = { stack, containers, volumes };
  const [database, data, redisKeys, app, unusablePorts, brokenBinds, login, storesOutdated, envChange, jobs] =
    await Promise.all([
      surveyDatabase(ops, deployed),
      findHomes(ops, stack, containers),
      containers.redis?.state === 'running' ? lastingKeys(ops, containers.redis, redisPassword(stack)) : undefined,
      containers.app ? surveyApp(ops, containers.app, prerequisites.checkout.commit, planOnly) : undefined,
      findAllContainers(ops, stack).then((all) => findUnusablePorts(ops, stack, Object.values(all).flat())),
      findBrokenBinds(ops, stack, containers),
      surveyLogin(ops, deployed),
      findOutdated(ops, stack, containers, hashes),
      containers.app && env === 'present' ? surveyEnvChange(ops, stack, containers.app) : undefined,
      surveyJobsOf(ops, deployed),
    ]);
  const { postgres, redis } = stack.services;
  const { commit } = prerequisites.checkout;
  const tree = await treeOf(ops, commit);
  const built = await builtArtefacts(ops, stack, commit, tree);
  return {
    ...prerequisites,
    env,
    stack,
    containers,
    stopped: stoppedOf(ops, containers),
    volumes,
    database,
    data,
    collation: await surveyCollation(ops, stack, containers.postgres),
    detached: await findDetached(ops, deployed, database),
    redisKeys,
    fresh: isFresh(ops, deployed, database, redisKeys),
    app,
    envChange,
    jobs,
    example:
      reading.kind === 'present' && env === 'present'
        ? await surveyExample(ops, prerequisites.checkout.commit, reading.values)
        : undefined,
    hidden: hiddenBy(ops.target, stack.services.app.mounts, tree.keys()),
    asItLies: takenAsTheyLie(findArtefacts(ops, tree, madeOf(built))),
    midway: commitsMidwayHere(ops, database.kind === 'running' ? database.revision : undefined),
    unusablePorts,
    changedNetworks: env === 'present' ? await findChangedNetworks(ops) : [],
    // Under --plan it is not made yet.
    brokenBinds: brokenBinds.filter((b) => env !== 'would-create' || b.source !== path.join(ops.target.dir, '.env')),
    login,
    exposedPorts: [...postgres.ports, ...redis.ports].filter((p) => !/^127\.|^::1$/.test(p.hostIp)),
    freeBytes: freeBytes(ops.target.dir),
    storesCurrent: storesOutdated.length === 0 && STORES.every((role) => containers[role]?.state === 'running'),
    storesOutdated,
    milliseconds: Math.round(ops.clock.monotonic() - started),
  };
}

const STORES = ['postgres', 'redis'] as const;

/** The stores' containers that compose would make anew: by the hash that it compares, and by the image that their names mean now. */
async function findOutdated(
  ops: Ops,
  { services }: Stack,
  containers: Containers,
  hashes: string,
): Promise<readonly ServiceRole[]> {
  const wanted = new Map(hashes.split('\n').map((line) => line.split(' ') as [string, string]));
  const images = await Promise.all(STORES.map((role) => imageId(ops, services[role].image)));
  return STORES.filter((role, at) => {
    const container = containers[role];
    if (container === undefined) return false;
    return container.configHash !== wanted.get(services[role].key) || container.imageId !== images[at];
  });
}

async function surveyApp(ops: Ops, container: Container, checkedOut: string, planOnly: boolean): Promise<AppFacts> {
  const released = readReleases(ops.paths).at(-1)?.commit;
  const image = await imageState(ops, container.imageId);
  if (container.state !== 'running') {
    const unreachable = neverServed(container) ? undefined : await findUnreachable(ops, container, planOnly);
    const nothing = { userdataBytes: 0, commit: undefined, running: undefined, serving: false, holdsState: false };
    return { ...nothing, image, served: undefined, programs: undefined, released, unreachable };
  }
  const [userdataBytes, around, health, { programs, served }, inside] = await Promise.all([
    userdataSize(ops, container.id, 'own'),
    lookAround(ops, container.id, []),
    healthCheck(ops, endpointsOf(ops.target, container)),
    surveyServed(ops, container),
    holdsState(ops, container.id),
  ]);
  const running = await identifyRunning(ops, around, container.imageId, checkedOut);
  const serving = health.healthy;
  const states = programs?.map(({ name, state }) => ({ name, state }));
  const { commit } = running;
  const seen = { serving, served, programs: states, holdsState: inside };
  return { userdataBytes, commit, running, released, image, ...seen };
}

/** Where both of them run; what is wrong with one of them is for others to say. */
async function surveyJobsOf(
  ops: Ops,
  { stack, containers: { app, postgres }, volumes }: Pick<Facts, 'stack' | 'containers' | 'volumes'>,
): Promise<Jobs | undefined> {
  if (app?.state !== 'running' || postgres?.state !== 'running' || databaseVolume(volumes) === undefined)
    return undefined;
  const programs = await findProgramsIfAny(ops, app.id);
  return programs && surveyJobs(ops, databaseOf(stack, postgres, volumes), programs);
}

/** The login that the application will do, with the password that it will have, at the server as it is. */
async function surveyLogin(
  ops: Ops,
  { stack, containers, volumes }: Pick<Facts, 'stack' | 'containers' | 'volumes'>,
): Promise<Login | undefined> {
  const { postgres } = containers;
  if (postgres?.state !== 'running' || databaseVolume(volumes) === undefined) return undefined;
  const database = databaseOf(stack, postgres, volumes);
  const from = { container: postgres.id, host: ownAddress({ stack }, postgres) };
  const login = () => canLogIn(ops, database, from, databasePassword(stack));
  const first = await login();
  // Its init scripts run on a server that only the socket reaches: by TCP nobody is let in before it has started for good.
  return typeof first === 'object' && (await startsWithin(ops, database)) ? login() : first;
}
