import { existsSync } from 'node:fs';
import path from 'node:path';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Target } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { ownAddress } from '../../domain/replacement/addresses.ts';
import type { TriedImage } from '../../domain/replacement/one-off.ts';
import { databasePassword, redisPassword } from '../../domain/replacement/passwords.ts';
import { giveBack, halt, takeOver } from '../../domain/replacement/replace.ts';
import type { Connection, PreparedDatabase, PutAside, Stores } from '../../domain/replacement/state.ts';
import { type Migrated, type MigrateOptions, migrate, seed } from '../../domain/schema/migrate.ts';
import { type Containers, findContainers, findVolumes } from '../../domain/stack/containers.ts';
import { databaseOf, loginOf } from '../../domain/stack/database.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import { copyIn } from '../../tools/docker/container-files.ts';
import { inspectContainers, type VolumeIdentity } from '../../tools/docker/containers.ts';
import { start } from '../../tools/docker/docker.ts';
import { inspectHba, restoreHba } from '../../tools/pg-hba/hba.ts';
import type { Database } from '../../tools/postgres/database.ts';
import { canLogIn, setPassword } from '../../tools/postgres/login.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { askedFor } from '../../tools/postgres/wire.ts';
import { waitForRedis } from '../../tools/redis/ready.ts';
import { running, stopped } from './stop-stores.ts';

const READY_MS = 60_000;

const STORES = ['postgres', 'redis'] as const;

/**
 * Starts PostgreSQL and Redis without touching the application, and waits until both really answer. Containers that run are left
 * alone.
 */
export async function startStores(ops: Ops, facts: Facts): Promise<Stores> {
  const now = await findContainers(ops, facts.stack);
  // Not at once: both may need the same network to be made.
  const postgres = await running(ops, facts, 'postgres', now.postgres);
  const redis = await running(ops, facts, 'redis', now.redis);
  return waitForStores(ops, facts, { postgres, redis }, await findVolumes(ops, facts.stack));
}

/** The new containers of those that are not what the compose file says take the places of the old ones; both stores are started. */
export async function replaceStores(ops: Ops, facts: Facts, aside: PutAside): Promise<Stores> {
  for (const role of STORES) {
    const replacement = aside.replaced?.[role];
    if (replacement?.former === undefined) continue;
    aside.takenOver = new Set([...(aside.takenOver ?? []), role]);
    await halt(ops, role, replacement.former.container);
    await takeOver(ops, replacement);
    await run(ops, start(replacement.next));
  }
  return startStores(ops, facts);
}

/** The very containers that were replaced get their places back and are started. */
export async function bringBackStores(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  for (const role of aside.takenOver ?? []) {
    const { former, next } = aside.replaced?.[role] ?? {};
    if (former) await giveBack(ops, facts.stack, { role, former, next });
  }
  aside.takenOver = new Set();
}

/** Makes new containers and volumes in place of the deleted ones, and starts the stores on the database that was prepared aside. */
export async function startOnPrepared(
  ops: Ops,
  facts: Facts,
  prepared: PreparedDatabase,
  aside: PutAside,
): Promise<Stores> {
  const { id } = await stopped(ops, facts, aside, 'postgres');
  // The files come before the start: a server that starts beside the copying takes longer than both in turn.
  await copyIn(ops, prepared.file, id, prepared.mountPoint);
  return replaceStores(ops, facts, aside);
}

async function waitForStores(
  ops: Ops,
  facts: Facts,
  { postgres, redis }: Containers,
  volumes: readonly VolumeIdentity[],
): Promise<Stores> {
  if (!postgres || !redis) throw new Error('compose started no containers for the stores');
  // Addresses come with the start, so the containers are looked at once more, while they get ready.
  const [started] = await Promise.all([
    inspectContainers(ops, [postgres.id, redis.id]),
    waitForPostgres(ops, { container: postgres, ...loginOf(facts.stack) }, READY_MS),
    waitForRedis(ops, redis, redisPassword(facts.stack), READY_MS),
  ]);
  const [database = postgres, cache = redis] = started;
  return { database: databaseOf(facts.stack, database, volumes), redis: cache };
}

/** Looks at pg_hba.conf, asks the server over the wire, and logs in as the application will. Changes nothing. */
export async function inspectConnection(ops: Ops, facts: Facts, database: Database): Promise<Connection> {
  const host = ownAddress(facts, database.container);
  const address = { host, port: ops.target.ports.postgres };
  const [hba, asked, login] = await Promise.all([
    inspectHba(ops, database),
    askedFor(ops, address, { user: database.user, database: database.name }, 5_000),
    canLogIn(ops, database, { container: database.container.id, host }, databasePassword(facts.stack)),
  ]);
  const open = asked === 'trust' || hba.unreadable || hba.remoteTrust.length > 0 || hba.errors.length > 0;
  return { login, open };
}

export interface Connected {
  readonly evidence: Text;
  /** The server's time since which a repaired pg_hba.conf is in force; a session from before it may have come in without a password. */
  readonly closedSince: string | undefined;
}

/**
 * Makes the login that the application will do possible, and the one that a stranger would do impossible.
 *
 * A kept volume keeps its old password whatever `.env` says: then the role gets the new one. pg_hba.conf is touched only to
 * take `trust` out of it.
 */
export async function ensureConnection(ops: Ops, facts: Facts, stores: Stores, seen?: Connection): Promise<Connected> {
  const { database } = stores;
  const { open, login: first } = seen ?? (await inspectConnection(ops, facts, stores.database));
  const host = ownAddress(facts, database.container);
  const from = { container: database.container.id, host };
  const address = { host, port: ops.target.ports.postgres };
  const password = databasePassword(facts.stack);
  const repaired = open ? await restoreHba(ops, database, { address, clientContainer: from.container }) : undefined;

  let login = open ? await canLogIn(ops, database, from, password) : first;
  const changed = login === 'wrong-password';
  if (changed) {
    await setPassword(ops, database, password);
    login = await canLogIn(ops, database, from, password);
  }
  if (login !== 'yes') throw cannotLogIn(ops.target, typeof login === 'object' ? login.error : login);
  const how: Text = changed
    ? {
        en: "logged in over TCP after setting the role's password to that of .env",
        zh: '已将数据库角色密码更新为 .env 中的密码, TCP 登录成功',
      }
    : { en: 'logged in over TCP', zh: 'TCP 登录成功' };
  const evidence: Text = repaired
    ? { en: `${how.en}; ${repaired.evidence.en}`, zh: `${how.zh}; ${repaired.evidence.zh}` }
    : how;
  return { evidence, closedSince: repaired?.inForceSince };
}

/** Migrates, and fills a database that was empty with the application's seed. */
export async function migrateAndSeed(
  ops: Ops,
  database: Database,
  tried: Pick<TriedImage, 'oneOff' | 'head'>,
  known: Pick<MigrateOptions, 'schema' | 'noteSchema' | 'midway'> = {},
): Promise<Migrated> {
  const migrated = await migrate(ops, database, tried.oneOff, { head: tried.head, ...known });
  const file = path.join(ops.target.dir, ops.target.seed);
  if (migrated.from === undefined && existsSync(file)) await seed(ops, database, file);
  return migrated;
}

function cannotLogIn(target: Target, why: string): OpsError {
  const logs = composeTyped(target, 'logs', '--tail', '200', target.services.postgres);
  return new OpsError({
    kind: 'command',
    what: {
      en: `PostgreSQL does not let the application log in: ${why}`,
      zh: `应用无法登录 PostgreSQL: ${why}`,
    },
    next: [
      {
        en: `This is about the network or the server, not about pg_hba.conf: don't open that. See: ${logs}`,
        zh: `问题在网络或服务器状态, 不在 pg_hba.conf, 不要放宽权限. 查看: ${logs}`,
      },
    ],
  });
}
