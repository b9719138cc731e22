import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { adminExists } from '../../domain/app/admin.ts';
import type { Consent } from '../../domain/data/consent.ts';
import { createBeside, giveBack, halt, withdraw } from '../../domain/replacement/replace.ts';
import { redisPassword } from '../../domain/replacement/stack-facts.ts';
import { noteStop } from '../../domain/replacement/stopped.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { findAllContainers, findContainers, findVolumes } from '../../domain/stack/containers.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { databaseOf, databaseVolume, loginOf, type ServiceRole } from '../../domain/stack/stack.ts';
import { type Container, inspectContainer, inspectContainers } from '../../tools/docker/containers.ts';
import { start } from '../../tools/docker/docker.ts';
import { identify } from '../../tools/postgres/identity.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { waitForRedis } from '../../tools/redis/ready.ts';
import { inspectConnection } from './connection.ts';
import type { Rebuild, Seen, Stores } from './rebuild.ts';

const READY_MS = 60_000;

export const STORES = ['postgres', 'redis'] as const;

/**
 * Starts PostgreSQL and Redis without touching the application, and waits until both really answer. Containers that run are left
 * alone.
 *
 * @param taken those that have taken a place, by their ids: one that dies again and again does not count as the one in use, and the former one,
 *   started beside it, would write to the same volume.
 */
export async function startStores(ops: Ops, facts: Facts, taken: Rebuild['replaced'] = {}): Promise<Stores> {
  const now = await findContainers(ops, facts.stack);
  const present = async (role: 'postgres' | 'redis') =>
    taken[role] ? inspectContainer(ops, taken[role].next) : now[role];
  // Not at once: both may need the same network to be made.
  const postgres = await running(ops, facts, 'postgres', await present('postgres'));
  const redis = await running(ops, facts, 'redis', await present('redis'));
  const volumes = await findVolumes(ops, facts.stack);
  // Addresses come with the start, so the containers are looked at once more, while they get ready.
  const [started] = await Promise.all([
    inspectContainers(ops, [postgres.id, redis.id]),
    waitForPostgres(ops, { container: postgres, ...loginOf(facts.stack) }, READY_MS),
    waitForRedis(ops, redis, redisPassword(facts.stack), READY_MS),
  ]);
  const [database = postgres, cache = redis] = started;
  return { database: databaseOf(facts.stack, database, volumes), redis: cache };
}

/** The very containers that were replaced get their places back and are started. */
export async function bringBackStores(ops: Ops, rebuild: Rebuild): Promise<void> {
  for (const role of rebuild.takenOver ?? []) {
    const { former, next } = rebuild.replaced?.[role] ?? {};
    if (former) await giveBack(ops, rebuild.facts.stack, { role, former, next });
  }
  rebuild.takenOver = new Set();
}

/** Looks at a database that has just been started: one wave of questions instead of three. */
export async function look(ops: Ops, facts: Facts, database: Database): Promise<Seen> {
  const [connection, schema, admin, identity] = await Promise.all([
    inspectConnection(ops, facts, database),
    inspectSchema(ops, database),
    adminExists(ops, database),
    identify(ops, database),
  ]);
  return { connection, schema, admin, identity };
}

/** A service's container, not running; made if there is none, because only a container gives access to a volume's files. */
export async function stopped(ops: Ops, rebuild: Rebuild, role: ServiceRole): Promise<Container> {
  const present = (await findContainers(ops, rebuild.facts.stack))[role];
  if (present === undefined) return createStore(ops, rebuild.facts, role);
  await stopStore(ops, rebuild, role, present);
  return present;
}

/** The container of a service that has none. */
export async function createStore(ops: Ops, facts: Facts, role: ServiceRole): Promise<Container> {
  return inspectContainer(ops, (await createBeside(ops, facts.stack, role)).next);
}

/** Notes it first, so that undoing starts again what was stopped half-way, too, and the next run what this one had when it was killed. */
export async function stopStore(ops: Ops, rebuild: Rebuild, role: ServiceRole, container: Container): Promise<void> {
  rebuild.stoppedStores = new Set([...(rebuild.stoppedStores ?? []), role]);
  noteStop(ops, container);
  await halt(ops, role, container);
}

/** A service's container, started if it does not run, made if there is none. */
export async function running(
  ops: Ops,
  facts: Facts,
  role: ServiceRole,
  present: Container | undefined,
): Promise<Container> {
  if (present?.state === 'running') return present;
  // What has its place and dies again and again (a run was killed) would write to the same volume.
  for (const c of (await findAllContainers(ops, facts.stack))[role])
    if (c.id !== present?.id && c.state === 'restarting') await withdraw(ops, role, c);
  const { id } = present ?? (await createStore(ops, facts, role));
  await run(ops, start(id));
  return inspectContainer(ops, id);
}

/** The database, its server started if it does not run, without leaving in doubt which volume the consent is about. */
export async function runningDatabase(ops: Ops, facts: Facts, consent: Consent | undefined): Promise<Database> {
  let { postgres } = await findContainers(ops, facts.stack);
  const volume = databaseVolume(facts.volumes);
  if (postgres === undefined && consent && volume) {
    postgres = await createStore(ops, facts, 'postgres');
    await consent.heldBy(ops, volume.name, postgres.id);
  }
  postgres = await running(ops, facts, 'postgres', postgres);
  const db = databaseOf(facts.stack, postgres, await findVolumes(ops, facts.stack));
  if (facts.containers.postgres?.state !== 'running') await waitForPostgres(ops, db, READY_MS);
  return db;
}

/** Starts again what the cold copies needed stopped, as far as it is still there. */
export async function restartStores(ops: Ops, { facts, stoppedStores }: Rebuild): Promise<void> {
  const now = await findContainers(ops, facts.stack);
  for (const role of ['postgres', 'redis'] as const) {
    const [before, present] = [facts.containers[role], now[role]];
    if (before?.state !== 'running' || present?.id !== before.id || !stoppedStores?.has(role)) continue;
    await halt(ops, role, present); // to the end of a stop that is under way
    await run(ops, start(present.id));
  }
}
