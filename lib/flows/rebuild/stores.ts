import type { Ops } from '../../core/ops.ts';
import { adminExists } from '../../domain/app/admin.ts';
import { giveBack } from '../../domain/replacement/replace.ts';
import { redisPassword } from '../../domain/replacement/stack-facts.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { findContainers, findVolumes } from '../../domain/stack/containers.ts';
import { databaseOf, loginOf } from '../../domain/stack/database.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { inspectContainer, inspectContainers } from '../../tools/docker/containers.ts';
import type { Database } from '../../tools/postgres/database.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { waitForRedis } from '../../tools/redis/ready.ts';
import { inspectConnection } from './connection.ts';
import type { Rebuild, Seen, Stores } from './rebuild.ts';
import { running } from './stopped-stores.ts';

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
