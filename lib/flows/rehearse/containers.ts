import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { allEnded } from '../../core/concurrency.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { ask, type Command, change, read, run } from '../../core/run.ts';
import { readEnvText } from '../../domain/env/file.ts';
import { loginOf } from '../../domain/stack/stack.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { start } from '../../tools/docker/docker.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { preloading } from '../../tools/postgres/throwaway.ts';
import { waitForRedis } from '../../tools/redis/ready.ts';
import { drillEnvironment } from './environment.ts';
import type { Facts, Rehearsal } from './facts.ts';
import { limitFlags } from './limits.ts';
import { copyMounted } from './mounted.ts';

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

/**
 * What a drill makes, by name. Plain containers and not a compose project: from the compose file they would get production's fixed names,
 * published ports and volumes, and compose's labels, by which the other scripts find production.
 */
export function namesOf(ops: Pick<Ops, 'paths'>, project: string) {
  const stamp = runName(ops).slice(0, 16).toLowerCase();
  const prefix = `${project}-drill-${stamp}`;
  return {
    network: prefix,
    postgres: `${prefix}-postgres`,
    redis: `${prefix}-redis`,
    /** Runs the migrations. */
    oneOff: `${prefix}-migrate`,
    app: `${prefix}-app`,
    image: `${prefix}:drill`,
  };
}

export type Names = ReturnType<typeof namesOf>;

/**
 * An internal network is led nowhere else, but its bridge has an address on this machine: whatever listens here on all addresses could be
 * reached through that, production's published ports too. So the bridge gets none.
 */
const NO_ADDRESS = 'com.docker.network.bridge.inhibit_ipv4';

export const createNetwork = (ops: Ops, network: string): Command =>
  change(['docker', 'network', 'create', '--internal', '-o', `${NO_ADDRESS}=true`, ...ownerLabels(ops), network]);

/**
 * Proves, before production's data or keys are in them, that these containers publish no port, and that the drill's network is the only one
 * that they are in and leads nowhere.
 *
 * @throws an error when the engine did not do what it was told.
 */
export async function requireIsolated(ops: Ops, network: string, containers: readonly Container[]): Promise<void> {
  const format = `{{.Internal}} {{index .Options "${NO_ADDRESS}"}}`;
  const closed = (await ask(ops, read(['docker', 'network', 'inspect', '-f', format, network]))) === 'true true';
  for (const { name, addresses, ports } of containers) {
    const networks = Object.keys(addresses).join(', ');
    if (closed && networks === network && ports.length === 0) continue;
    throw new Error(
      `${name} is not isolated: networks ${networks}; closed: ${closed}; published ports: ${ports.length}`,
    );
  }
}
