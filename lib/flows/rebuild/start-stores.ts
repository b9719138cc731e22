import type { Ops } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { printable } from '../../core/text.ts';
import { halt, takeOver } from '../../domain/replacement/replace.ts';
import { redisPassword, requireDataOfSurvey } from '../../domain/replacement/stack-facts.ts';
import { created, inItsPlace, WHOLE } from '../../domain/replacement/steps.ts';
import { noteStop } from '../../domain/replacement/stopped.ts';
import { FIRST_INSTALL_NOTE } from '../../domain/replacement/survey-data.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { findDataDirectories } from '../../domain/stack/data-directory.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { loginOf } from '../../domain/stack/stack.ts';
import { copyIn } from '../../tools/docker/container-files.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { start } from '../../tools/docker/docker.ts';
import { placeOf } from '../../tools/docker/places.ts';
import { type DataIdentity, identify, requireSameData } from '../../tools/postgres/identity.ts';
import { lastingKeys } from '../../tools/redis/keys.ts';
import type { PreparedDatabase } from './prepare.ts';
import type { Rebuild, Started, Stores } from './rebuild.ts';
import { bringBackStores, look, STORES, startStores, stopped } from './stores.ts';

/** What was seen beforehand and can't have changed since is not looked at again during the outage. */
export function startStoresStep(rebuild: Rebuild): Step<Started, [PreparedDatabase | undefined]> {
  const { plan, facts } = rebuild;
  const { services } = facts.stack;
  return {
    id: 'start-stores',
    title: { en: 'Start PostgreSQL and Redis and wait until they answer', zh: '启动 PostgreSQL 与 Redis, 等待就绪' },
    risk: facts.storesCurrent ? 'none' : 'interrupts',
    commands:
      plan.deletes.length > 0
        ? [
            created(services.postgres.key),
            created(services.redis.key),
            `docker cp - <new ${services.postgres.key}>:… < prepared-database.tar`,
            { en: 'docker start <both>', zh: 'docker start <两个服务>' },
          ]
        : STORES.flatMap((role) =>
            plan.replaces.includes(role)
              ? inItsPlace(facts.containers[role]?.name)
              : [`docker start ${services[role].key}`],
          ),
    wayBack: WHOLE,
    async run(ops, prepared) {
      if (rebuild.storesBefore) return rebuild.storesBefore;
      return prepared ? startOnPrepared(ops, rebuild, prepared) : startOnKept(ops, rebuild);
    },
    undo: (ops) => bringBackStores(ops, rebuild),
  };
}

/** `undefined` when the stores will be replaced, so that nothing seen now would count. */
export async function surveyStores(ops: Ops, { facts, plan }: Rebuild): Promise<Started | undefined> {
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
async function startOnKept(ops: Ops, rebuild: Rebuild): Promise<Started> {
  const { facts } = rebuild;
  const before = await lastSeen(ops, facts);
  const stores = await replaceStores(ops, rebuild);
  const seen = await look(ops, facts, stores.database);
  requireDataOfSurvey(facts, seen.identity, { untouched: false });
  if (before.identity) requireSameData(before.identity, seen.identity, { untouched: true });
  const keys = before.keys ? await lastingKeys(ops, stores.redis, redisPassword(facts.stack)) : undefined;
  if (before.keys && keys === 0) throw redisIsEmpty(before.keys);
  if (facts.fresh) ops.journal.write({ event: 'note', key: FIRST_INSTALL_NOTE, value: seen.identity.systemIdentifier });
  return { stores, ...seen };
}

/** Makes new containers and volumes in place of the deleted ones, and starts the stores on the database that was prepared aside. */
async function startOnPrepared(ops: Ops, rebuild: Rebuild, prepared: PreparedDatabase): Promise<Started> {
  const { id, imageId, mounts } = await stopped(ops, rebuild, 'postgres');
  const { source } = placeOf(mounts, prepared.mountPoint);
  // A new volume may be made of a directory that has been in use: files of two clusters would lie in one.
  if ((await findDataDirectories(ops, imageId, [source])).length > 0) throw holdsData(source);
  // The files come before the start: a server that starts beside the copying takes longer than both in turn.
  await copyIn(ops, prepared.file, id, prepared.mountPoint);
  return { ...prepared.seen, stores: await replaceStores(ops, rebuild) };
}

/** The new containers of those that are not what the compose file says take the places of the old ones; both stores are started. */
async function replaceStores(ops: Ops, rebuild: Rebuild): Promise<Stores> {
  for (const role of STORES) {
    const replacement = rebuild.replaced?.[role];
    if (replacement?.former === undefined) continue;
    rebuild.takenOver = new Set([...(rebuild.takenOver ?? []), role]);
    noteStop(ops, replacement.former.container);
    await halt(ops, role, replacement.former.container);
    await takeOver(ops, replacement);
    await run(ops, start(replacement.next));
  }
  return startStores(ops, rebuild.facts, rebuild.replaced);
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

const holdsData = (volume: string) =>
  failed(
    {
      en: `The new volume ${printable(volume)} already has data of a server in it; nothing was written there.`,
      zh: `新建的卷 ${printable(volume)} 中已有数据库文件, 未写入任何内容.`,
    },
    {
      en: `See where its files are: docker volume inspect ${printable(volume)}. To go on with them: --data keep. Otherwise move them away first.`,
      zh: `查看文件位置: docker volume inspect ${printable(volume)}. 若要继续使用这些数据, 请使用 --data keep, 否则请先将其移走.`,
    },
  );

const redisIsEmpty = (keys: number) =>
  failed(
    { en: `Redis is empty, and had ${keys} keys that don't expire.`, zh: `Redis 为空, 而此前有 ${keys} 个不过期的键.` },
    {
      en: 'See what the compose file changes about Redis’ volume and command (--appendonly, --dir, --dbfilename).',
      zh: '请检查 compose 文件对 Redis 的卷与启动命令 (--appendonly, --dir, --dbfilename) 的改动.',
    },
  );
