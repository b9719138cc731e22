import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { adminExists } from '../../domain/app/admin.ts';
import { redisPassword } from '../../domain/replacement/passwords.ts';
import type { Beforehand, PutAside, Seen } from '../../domain/replacement/state.ts';
import { FIRST_INSTALL_NOTE } from '../../domain/replacement/survey-data.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { loginOf } from '../../domain/stack/database.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { Database } from '../../tools/postgres/database.ts';
import {
  type DataIdentity,
  identify,
  requireSameCluster,
  requireSameData,
  type Since,
} from '../../tools/postgres/identity.ts';
import { lastingKeys } from '../../tools/redis/keys.ts';
import type { RebuildPlan } from './plan.ts';
import { inspectConnection, replaceStores, startStores } from './stores.ts';

/** `undefined` when the stores will be replaced, so that nothing seen now would count. */
export async function lookBeforehand(ops: Ops, facts: Facts, plan: RebuildPlan): Promise<Beforehand | undefined> {
  if (plan.deletes.length > 0 || !facts.storesCurrent) return undefined;
  const stores = await startStores(ops, facts);
  const seen = await look(ops, facts, stores.database);
  requireDataOfSurvey(facts, seen.identity, { untouched: false });
  return { stores, ...seen };
}

/**
 * Starts the stores on what is kept, and proves before anything is written that it is what was there: the cluster, not older, with its
 * databases, tables and rows; Redis with its keys. What the application wrote until it was stopped is known by asking once more.
 */
export async function startOnKept(ops: Ops, facts: Facts, aside: PutAside): Promise<Beforehand> {
  const before = await lastSeen(ops, facts);
  const stores = await replaceStores(ops, facts, aside);
  const seen = await look(ops, facts, stores.database);
  requireDataOfSurvey(facts, seen.identity, { untouched: false });
  if (before.identity) requireSameData(before.identity, seen.identity, { untouched: true });
  const keys = before.keys ? await lastingKeys(ops, stores.redis, redisPassword(facts.stack)) : undefined;
  if (before.keys && keys === 0) throw redisIsEmpty(before.keys);
  if (facts.fresh) ops.journal.write({ event: 'note', key: FIRST_INSTALL_NOTE, value: seen.identity.systemIdentifier });
  return { stores, ...seen };
}

/** @throws {OpsError} when it is not what the survey saw, as far as it could. */
export function requireDataOfSurvey({ database }: Facts, now: DataIdentity, since: Since): void {
  if (database.kind === 'running') requireSameData(database.identity, now, since);
  if (database.kind !== 'stopped') return;
  const [found, ...others] = (database.found ?? []).filter((f) => f.of === 'postgres');
  if (found && others.length === 0) requireSameCluster(found.systemIdentifier, now);
}

/** While nothing but the application was stopped. */
async function lastSeen(
  ops: Ops,
  facts: Facts,
): Promise<{ readonly identity: DataIdentity | undefined; readonly keys: number | undefined }> {
  const { postgres, redis } = await findContainers(ops, facts.stack);
  const running = (c: Container | undefined) => (c?.state === 'running' ? c : undefined);
  const [database, cache] = [running(postgres), running(redis)];
  const [identity, keys] = await Promise.all([
    database && facts.database.kind === 'running'
      ? identify(ops, { container: database, ...loginOf(facts.stack) })
      : undefined,
    cache ? lastingKeys(ops, cache, redisPassword(facts.stack)) : undefined,
  ]);
  return { identity, keys: keys ?? facts.redisKeys };
}

const redisIsEmpty = (keys: number) =>
  new OpsError({
    kind: 'failed',
    what: {
      en: `Redis is empty, and had ${keys} keys that don't expire.`,
      zh: `Redis 为空, 而此前有 ${keys} 个不过期的键.`,
    },
    next: [
      {
        en: 'See what the compose file changes about Redis’ volume and command (--appendonly, --dir, --dbfilename).',
        zh: '请检查 compose 文件对 Redis 的卷与启动命令 (--appendonly, --dir, --dbfilename) 的改动.',
      },
    ],
  });

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
