import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { change } from '../../core/command.ts';
import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, run } from '../../core/run.ts';
import { readEnvText } from '../../domain/env/file.ts';
import { loginOf } from '../../domain/stack/database.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { start } from '../../tools/docker/docker.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';
import type { Database } from '../../tools/postgres/database.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { preloading } from '../../tools/postgres/throwaway.ts';
import { waitForRedis } from '../../tools/redis/ready.ts';
import { drillEnvironment } from './environment.ts';
import type { Facts } from './facts.ts';
import { createNetwork, requireIsolated } from './isolation.ts';
import { limitFlags } from './limits.ts';
import { copyMounted } from './mounted.ts';
import { type Names, namesOf } from './names.ts';
import type { Rehearsal } from './rehearsal.ts';

/** With half of the processors. */
const READY_MS = 120_000;

// Redis takes its configuration from stdin, and printf is the shell's own: so the password is in no command line.
const REDIS = 'printf \'requirepass %s\\nsave ""\\n\' "$REDIS_PASSWORD" | exec redis-server -';

interface Started {
  readonly role: keyof Names;
  readonly alias: string;
  readonly env: Readonly<Record<string, string>>;
}

/** `docker run` and `docker create` of a drill: labels, limits, its own network and nothing else; environment by name only. */
function flags(ops: Ops, facts: Facts, { role, alias, env }: Started): string[] {
  const names = namesOf(ops, facts.stack.project);
  return [
    ...['--pull', 'never', '--name', names[role], ...ownerLabels(ops), ...limitFlags(facts.limits)],
    ...['--network', names.network, '--network-alias', alias, '--no-healthcheck'],
    ...Object.keys(env).flatMap((name) => ['-e', name]),
  ];
}

/**
 * Starts PostgreSQL, as durable as production's, and Redis, empty both, in a network that leads nowhere; and proves that it does.
 * Their data is in anonymous volumes, which go with the containers.
 */
export async function startStores(ops: Ops, { facts, own }: Rehearsal): Promise<Database> {
  const { postgres, redis } = facts.stack.services;
  const { network } = namesOf(ops, facts.stack.project);
  await run(ops, createNetwork(ops, network));
  const ofPostgres = { ...postgres.environment, POSTGRES_PASSWORD: own.database };
  const libraries = preloading(facts.backup.manifest.server.preloads);
  const words = [facts.images.postgres, ...(libraries.length > 0 ? ['postgres', ...libraries] : [])];
  const ofRedis = { REDIS_PASSWORD: own.redis };
  const [server, cache] = await allEnded([
    started(ops, facts, { role: 'postgres', alias: postgres.key, env: ofPostgres }, words),
    started(ops, facts, { role: 'redis', alias: redis.key, env: ofRedis }, [
      ...['--entrypoint', 'sh', facts.images.redis, '-c', REDIS],
    ]),
  ]);
  await requireIsolated(ops, network, [server, cache]);
  const database = { container: server, ...loginOf(facts.stack), volume: { name: '', createdAt: '' } };
  await allEnded([waitForPostgres(ops, database, READY_MS), waitForRedis(ops, cache, own.redis, READY_MS)]);
  return database;
}

async function started(ops: Ops, facts: Facts, what: Started, words: readonly string[]): Promise<Container> {
  const argv = ['docker', 'run', '-d', ...flags(ops, facts, what), ...words];
  return inspectContainer(ops, await ask(ops, change(argv, { env: what.env })));
}

/**
 * Starts a container of the image that is to be tried, with production's variables as far as they are the application's own.
 *
 * @param of.argv instead of the image's own program.
 */
export async function startApp(
  ops: Ops,
  { facts, own }: Rehearsal,
  of: { readonly role: 'oneOff' | 'app'; readonly imageId: string; readonly argv?: readonly string[] },
): Promise<Container> {
  const { role, imageId, argv = [] } = of;
  const { network } = namesOf(ops, facts.stack.project);
  const { key } = facts.stack.services.app;
  const env = environmentOf(ops, facts, own);
  const [program, ...rest] = argv;
  const words = [
    ...flags(ops, facts, { role, alias: role === 'app' ? key : role, env }),
    ...(program === undefined ? [] : ['--entrypoint', program]),
    ...[imageId, ...rest],
  ];
  const id = await ask(ops, change(['docker', 'create', ...words], { env }));
  // The entrypoint reads .env over the environment. An empty one, so that whatever an image may bring is not production's; a copy and no
  // mount, so that nothing of the host's files is in the container.
  const empty = path.join(ops.paths.run, 'empty.env');
  writeFileSync(empty, '');
  await run(ops, change(['docker', 'cp', empty, `${id}:${ops.target.app.root}/.env`]));
  const { mounts, supplied } = facts.stack.services.app;
  await copyMounted(ops, [...mounts, ...supplied], id);
  await run(ops, start(id));
  const container = await inspectContainer(ops, id);
  if (container.state === 'running') await requireIsolated(ops, network, [container]);
  return container;
}

function environmentOf(ops: Ops, { stack }: Facts, own: Rehearsal['own']): Record<string, string> {
  const { app, postgres } = stack.services;
  const file = path.join(ops.target.dir, '.env');
  const fromFile = existsSync(file) ? readEnvText(readFileSync(file, 'utf8')).values : {};
  const former = {
    database: postgres.environment.POSTGRES_PASSWORD ?? '',
    redis: app.environment.REDIS_PASSWORD ?? fromFile.REDIS_PASSWORD ?? '',
  };
  // Jobs that talk to others are not rehearsed.
  const overrides = { [ops.target.app.schedulerVariable]: 'false' };
  return drillEnvironment({ ...fromFile, ...app.environment }, former, own, overrides);
}
