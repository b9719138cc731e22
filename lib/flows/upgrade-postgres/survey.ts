import type { Ops } from '../../core/ops.ts';
import { misuse, throwIfAny } from '../../core/refusal.ts';
import { describeHealth, endpointsOf, healthCheck } from '../../domain/app/health.ts';
import { surveyServed } from '../../domain/app/routes.ts';
import { claimStack, refuseForeignVolumes } from '../../domain/data/claim.ts';
import { databaseSizes, leftBy } from '../../domain/data/left-databases.ts';
import { type HoldOptions, surveyHold } from '../../domain/hold/survey.ts';
import { imageId } from '../../domain/images/build.ts';
import { databasePassword, ownAddress } from '../../domain/replacement/stack-facts.ts';
import { staysStopped, stoppedBy } from '../../domain/replacement/stopped.ts';
import { notRunning, paused } from '../../domain/restoration/refusals.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { type Containers, findVolumes, standbyRole } from '../../domain/stack/containers.ts';
import { notPlannable } from '../../domain/stack/create-service.ts';
import { findDataDirectories } from '../../domain/stack/data-directory.ts';
import type { Served } from '../../domain/stack/deployment.ts';
import { defaultsOf, nextDataOf } from '../../domain/stack/homes.ts';
import { findSoleContainers } from '../../domain/stack/replicas.ts';
import { loginOf, type Stack } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { requireLocalEngine } from '../../tools/docker/engine.ts';
import { isWithin, placeOf } from '../../tools/docker/places.ts';
import { findVolume } from '../../tools/docker/same-volume.ts';
import { capabilitiesOf } from '../../tools/postgres/capabilities.ts';
import { otherDatabases } from '../../tools/postgres/emptiness.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { canLogIn } from '../../tools/postgres/login.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import type { Facts, PostgresImage, Room } from './facts.ts';
import { requireAlone, requireUpgradable } from './others.ts';
import {
  holdsOthers,
  noImage,
  noPostgres,
  notHealthy,
  notInVolume,
  notNewer,
  otherPassword,
  standbyOfKilledRun,
  volumeTaken,
} from './refusals.ts';

/** What the command line asks for. */
export interface Asked {
  /** An image's name. */
  readonly to: string;
  readonly hold: HoldOptions;
  /** Whether holding requests is tried: not where nothing will be stopped. */
  readonly tries: boolean;
}

/**
 * Looks at the database, the image that it is to have, and what the compose file says about it; changes nothing.
 *
 * @throws {OpsError} `precondition` with whatever would make the upgrade fail, or lose something.
 */
export async function surveyUpgrade(ops: Ops, asked: Asked): Promise<Facts> {
  const { stack, postgres, app } = await findStack(ops);
  throwIfAny(notPlannable([stack.services.postgres]));
  if (postgres?.state !== 'running') {
    if (postgres && standbyRole(postgres)) throw standbyOfKilledRun(postgres);
    throw notRunning(stack.services.postgres.key, postgres);
  }
  if (app?.state === 'paused') throw paused(app);
  const to = await imageOf(ops, asked.to);
  const database = await databaseIn(ops, stack, postgres);
  const [identity, capabilities, sizes, others] = await Promise.all([
    identify(ops, database),
    capabilitiesOf(ops, database),
    databaseSizes(ops, database),
    otherDatabases(ops, database),
  ]);
  if (Number(to.major) <= Number(identity.major)) throw notNewer(asked.to, identity.major, to.major);
  const left = leftBy(database.name, sizes).map((l) => l.name);
  const foreign = others.filter((name) => !left.includes(name));
  if (foreign.length > 0) throw holdsOthers(foreign, database.name);
  const from = { container: postgres.id, host: ownAddress({ stack }, postgres) };
  if ((await canLogIn(ops, database, from, databasePassword(stack))) === 'wrong-password') throw otherPassword();
  await requireUpgradable(ops, database);
  await requireAlone(ops, database, app);
  if (app?.state === 'running') {
    const health = await healthCheck(ops, endpointsOf(ops.target, app));
    if (!health.healthy) throw notHealthy(describeHealth(health));
  }
  return {
    stack,
    to,
    room: await roomFor(ops, stack, to, database),
    database,
    identity,
    capabilities,
    bytes: sizes.find((s) => s.name === database.name)?.bytes ?? 0,
    left,
    app,
    served: await servedNow(ops, app),
    hold: await surveyHold(ops, app, asked.hold, asked.tries),
  };
}

/** The stack, claimed; its containers. @param find whoever touches none of them may look at several. */
export async function findStack(
  ops: Ops,
  find: (ops: Ops, stack: Stack) => Promise<Containers> = findSoleContainers,
): Promise<{ stack: Stack; postgres: Container | undefined; app: Container | undefined }> {
  const [stack] = await Promise.all([resolveStack(ops), requireLocalEngine(ops)]);
  await claimStack(ops, stack);
  const [{ postgres, app }, volumes] = await Promise.all([find(ops, stack), findVolumes(ops, stack)]);
  refuseForeignVolumes(stack, volumes);
  return { stack, postgres, app };
}

/** The same, for whoever starts the application in the end. @throws {OpsError} `precondition` also where its code must not meet the data. */
export async function findStackToStart(ops: Ops) {
  const found = await findStack(ops);
  const moved = found.app && stoppedBy(ops, found.app)?.moved;
  if (found.app && moved) throwIfAny([staysStopped(found.app, moved)]);
  return found;
}

/** The database in a container, by the volume that it really has: the compose file may name the next one already. */
export async function databaseIn(ops: Ops, stack: Stack, container: Container): Promise<Database> {
  const { kind, source } = placeOf(container.mounts, container.dataDirectory);
  const volume = kind === 'volume' ? await findVolume(ops, source) : undefined;
  if (volume === undefined) throw notInVolume(container);
  return { container, ...loginOf(stack), volume };
}

/** @throws {OpsError} `precondition` when it is not here, or no PostgreSQL. */
export async function imageOf(ops: Ops, reference: string): Promise<PostgresImage> {
  const [id, defaults] = await Promise.all([imageId(ops, reference), defaultsOf(ops, 'postgres', reference)]);
  if (id === undefined || defaults === undefined) throw noImage(reference);
  const { major, volumes, pgdata = '/var/lib/postgresql/data' } = defaults;
  if (!/^\d+$/.test(major)) throw noPostgres(reference);
  return { reference, id, major, mountPoint: volumes.find((v) => isWithin(pgdata, v)) ?? pgdata };
}

async function roomFor(ops: Ops, stack: Stack, to: PostgresImage, database: Database): Promise<Room> {
  const service = stack.services.postgres;
  if ((await imageId(ops, service.image)) !== to.id) return { missing: 'image' };
  const next = await nextDataOf(ops, service);
  if (next?.kind !== 'volume' || next.source === database.volume.name) return { missing: 'volume' };
  const volume = next.source;
  const mountPoint = stack.volumes.find((v) => v.name === volume)?.mountPoint;
  if (mountPoint === undefined) return { missing: 'volume' };
  if ((await findVolume(ops, volume)) !== undefined) {
    // Left by a run that did not end, or by a way back: then it goes on being used, and nothing in it is deleted.
    const [found] = (await findDataDirectories(ops, to.id, [volume])).filter((f) => f.of === 'postgres');
    if (found && found.major !== to.major) throw volumeTaken(volume, found.major, to.major);
  }
  return { volume, mountPoint };
}

/** What `--to` must be. @throws {OpsError} `usage` */
export function requireReference(to: string): string {
  if (/^[a-zA-Z0-9][\w./:@-]*$/.test(to)) return to;
  throw misuse({
    en: `--to is the name of an image, such as postgres:18-alpine`,
    zh: '--to 应为镜像名称, 例如 postgres:18-alpine',
  });
}

/** What nginx leads people to while the application runs. */
export const servedNow = async (ops: Ops, app: Container | undefined): Promise<Served | undefined> =>
  app?.state === 'running' ? (await surveyServed(ops, app)).served : undefined;
