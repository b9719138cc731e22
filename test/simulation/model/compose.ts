import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  ComposeError,
  configHash,
  isOn,
  madeUp,
  networkName,
  printed,
  type Resolved,
  resolve,
  type ServiceFile,
  volumeName,
} from './compose-file.ts';
import { type BindKind, type Container, type Engine, EngineError } from './engine.ts';
import { labelsOf, many, one, parseFlags, unknown } from './flags.ts';
import type { Host } from './host.ts';
import type { Call, Reply } from './process.ts';
import type { Release } from './release.ts';

const PROJECT = 'com.docker.compose.project';
const SERVICE = 'com.docker.compose.service';
const HASH = 'com.docker.compose.config-hash';

/** `docker compose …` */
export function compose(builder: Host, call: Call): Reply {
  const global = parseFlags(call.argv.slice(2), '', '-f -p --project-directory');
  const [command = '', ...words] = global.rest;
  if (command === 'version') return { stdout: '2.26.1\n' };
  const [file = unknown('compose without -f'), override] = many(global, '-f');
  const directory = one(global, '--project-directory') ?? unknown('compose without --project-directory');
  let config: Resolved;
  try {
    const text = file === '-' ? call.input.toString() : readFileSync(file, 'utf8');
    config = resolve(
      text,
      { directory, files: many(global, '-f') },
      call.env,
      override && readFileSync(override, 'utf8'),
    );
  } catch (error) {
    if (error instanceof ComposeError) return { exitCode: 15, stderr: `${error.message}\n` };
    throw error;
  }
  config.name = one(global, '-p') ?? config.name;
  if (command === 'config') return show(config, words);
  builder.changed(call);
  if (file === '-' || command === 'run') requireKept(builder.engine, config, command);
  switch (command) {
    case 'build':
      return build(builder, config, words);
    case 'pull':
      return pull(builder, config, words);
    case 'up':
      return up(builder, config, words);
    case 'run':
      return run(builder, config, words);
  }
  return unknown(call.argv.join(' '));
}

/** What is there may be declared in another way by now: compose 2.37 takes every container off such a network and makes it anew. */
function requireKept(engine: Engine, config: Resolved, command: string): void {
  const networks = Object.entries(config.networks ?? {}).map(([key, one]) => ({ one, name: networkName(config, key) }));
  const volumes = Object.entries(config.volumes ?? {}).map(([key, one]) => ({ one, name: volumeName(config, key) }));
  const loose = [
    ...networks.filter(({ one, name }) => !one?.external && engine.networks.has(name)),
    ...volumes.filter(({ one, name }) => !one?.external && engine.volumes.has(name)),
  ];
  for (const { name } of loose) unknown(`compose ${command}, which may make ${name} anew`);
}

function show(config: Resolved, words: readonly string[]): Reply {
  const flags = parseFlags(words, '', '--format --hash');
  if (one(flags, '--format') === 'json') return { stdout: printed(config) };
  const wanted = one(flags, '--hash') ?? unknown(`config ${words.join(' ')}`);
  // While a service's files have not been read, it is another hash than the label's.
  const lines = Object.entries(config.services)
    .filter(([key]) => wanted === '*' || key === wanted)
    .map(([key, s]) => `${key} ${configHash(s)}${s.env_file ? 'x' : ''}\n`);
  return { stdout: lines.join('') };
}

function build(host: Host, config: Resolved, words: readonly string[]): Reply {
  const { engine } = host;
  const { rest } = parseFlags(words, '', '--build-arg');
  const image = imageName(config, rest[0] ?? '');
  const context = config.services[rest[0] ?? '']?.build?.context ?? unknown('a build without a context');
  const release = releaseIn(host, context);
  if (release.buildFails) {
    // Builds like to repeat what they were given.
    const told = config.services[rest[0] ?? '']?.environment?.DATABASE_URL;
    return { exitCode: 17, stderr: `#9 ${told}\n#9 ERROR: process "/bin/sh -c uv sync" did not complete\n` };
  }
  // Nothing changed: the cache gives the same image again.
  const files = new Set(readdirSync(context, { recursive: true }).map(String));
  const labels = { [PROJECT]: config.name, [SERVICE]: rest[0] ?? '' };
  engine.addImage('app', image, { id: `sha256:${release.commit}${'e'.repeat(24)}`, release, files, labels });
  return { stderr: '#12 exporting layers\n', stdout: '' };
}

/** The release whose files lie there; a directory without the application's stands for the one that is checked out. */
function releaseIn({ engine, release }: Host, context: string): Release {
  const file = path.join(context, 'app/release.py');
  const [, commit] = existsSync(file) ? (/COMMIT = "(\w+)"/.exec(readFileSync(file, 'utf8')) ?? []) : [];
  if (commit === undefined || commit === release.commit) return release;
  return engine.releases.get(commit) ?? unknown(`release ${commit}`);
}

function pull({ engine, registry }: Host, config: Resolved, words: readonly string[]): Reply {
  for (const key of parseFlags(words, '--quiet').rest) {
    const reference = config.services[key]?.image ?? '';
    const program = registry.get(reference);
    if (!program) return { exitCode: 1, stderr: `Error response from daemon: pull access denied for ${reference}\n` };
    if (!engine.findImage(reference)) engine.addImage(program, reference);
  }
  return {};
}

function up(host: Host, config: Resolved, words: readonly string[]): Reply {
  const { engine } = host;
  const flags = parseFlags(words, '-d --no-start --force-recreate --no-deps --no-build', '--pull');
  if (one(flags, '--pull') !== 'never' || !flags.on.has('--no-deps') || !flags.on.has('--no-build'))
    return unknown(`compose up ${words.join(' ')}: what it would pull, build or take along`);
  makeNetworks(engine, config);
  if (isOn(config, 'COMPOSE_REMOVE_ORPHANS')) removeOrphans(engine, config); // from `.env` as well: compose 2.27
  for (const key of flags.rest) {
    const service = config.services[key] ?? unknown(`service ${key}`);
    const image = engine.image(imageName(config, key));
    const isSame = (c: Container) => c.image.id === image.id && c.labels?.[HASH] === configHash(service);
    // Of several, the first that needs not be replaced stays.
    const all = allOfService(engine, config.name, key).sort((a, b) => Number(isSame(b)) - Number(isSame(a)));
    const [present, ...surplus] = all;
    for (const one of surplus) {
      engine.stop(one);
      engine.remove(one);
    }
    const same = present !== undefined && isSame(present);
    let container = present;
    if (!present || !same || flags.on.has('--force-recreate')) {
      if (present) {
        engine.stop(present);
        engine.remove(present);
      }
      container = engine.create(specOf(engine, config, key, service));
    }
    if (flags.on.has('-d') && container) engine.start(container);
  }
  return {};
}

/** Those that it names, of those that there are; all where it names none. */
function networksOf(config: Resolved, { networks = {} }: ServiceFile): string[] {
  const all = Object.keys(config.networks ?? {});
  const named = all.filter((key) => key in networks);
  return named.length > 0 ? named : all;
}

function removeOrphans(engine: Engine, config: Resolved): void {
  const isOrphan = ({ labels = {} }: Container) =>
    labels[PROJECT] === config.name &&
    labels['com.docker.compose.oneoff'] === 'False' &&
    !((labels[SERVICE] ?? '') in config.services);
  for (const orphan of engine.containers.filter(isOrphan)) {
    engine.stop(orphan);
    engine.remove(orphan);
  }
}

function makeNetworks(engine: Engine, config: Resolved): void {
  for (const [key, one] of Object.entries(config.networks ?? {})) {
    const name = networkName(config, key);
    if (one?.external && !engine.networks.has(name))
      throw new EngineError(`network ${name} declared as external, but could not be found`);
    engine.networks.set(name, engine.networks.get(name) ?? {});
  }
}

const imageName = (config: Resolved, key: string): string => config.services[key]?.image ?? madeUp(config, key);

const allOfService = (engine: Engine, project: string, key: string): Container[] =>
  engine.containers.filter(
    ({ labels = {} }) =>
      labels[PROJECT] === project && labels[SERVICE] === key && labels['com.docker.compose.oneoff'] === 'False',
  );

/** The one that production is: what runs, else what ran before something was to take its place. */
export function ofService(engine: Engine, project: string, key: string): Container | undefined {
  const all = allOfService(engine, project, key);
  const running = all.find((c) => c.state === 'running' || c.state === 'restarting');
  return running ?? all.findLast((c) => c.name.includes('-before-')) ?? all.find((c) => !c.name.includes('-next-'));
}

/** `docker compose run -d`: neither ports nor the service's name. */
function run({ engine }: Host, config: Resolved, words: readonly string[]): Reply {
  const flags = parseFlags(words, '-d --no-deps -T', '--name --entrypoint -e -v --label');
  const [key = '', ...args] = flags.rest;
  const entrypoint = one(flags, '--entrypoint');
  const trial = many(flags, '-v').some((v) => v.endsWith('/supervisor/supervisord.py:ro'));
  if (entrypoint === undefined && (!trial || !many(flags, '-e').includes('ENABLE_SCHEDULER')))
    return unknown('a second application beside the one that serves');
  const spec = specOf(engine, config, key, config.services[key] ?? unknown(`service ${key}`));
  makeNetworks(engine, config);
  const container = engine.create({
    ...spec,
    name: one(flags, '--name') ?? unknown('a one-off without a name'),
    labels: { ...spec.labels, ...labelsOf(flags), 'com.docker.compose.oneoff': 'True' },
    ...(entrypoint === undefined
      ? {
          trial,
          report: many(flags, '-v')
            .find((v) => !v.endsWith(':ro'))
            ?.split(':')[0],
        }
      : { command: [entrypoint, ...args] }),
    networks: Object.fromEntries(Object.keys(spec.networks).map((n) => [n, []])),
    ports: [],
    healthcheck: [],
  });
  engine.start(container);
  return { stdout: `${container.id}\n` };
}

function specOf(engine: Engine, config: Resolved, key: string, service: ServiceFile) {
  const labels = {
    ...service.labels,
    [PROJECT]: config.name,
    [SERVICE]: key,
    'com.docker.compose.oneoff': 'False',
    [`${PROJECT}.working_dir`]: config.madeBy.directory,
    [`${PROJECT}.config_files`]: config.madeBy.files.join(','),
    'com.docker.compose.version': '2.26.1',
  };
  const mounts: Record<string, string> = {};
  const binds: Record<string, string> = {};
  const bindKinds: Record<string, BindKind> = {};
  for (const { type, source, target } of service.volumes ?? []) {
    if (type !== 'volume') {
      if (!existsSync(source)) mkdirSync(source); // as engines do
      binds[target] = source;
      bindKinds[target] = statSync(source).isFile() ? 'file' : readdirSync(source).length > 0 ? 'full' : '-';
      continue;
    }
    const name = volumeName(config, source);
    mounts[target] = name;
    if (config.volumes?.[source]?.external && !engine.volumes.has(name))
      throw new EngineError(`external volume "${name}" not found`);
    const labels = { [PROJECT]: config.name, 'com.docker.compose.volume': source };
    engine.createVolume(name, labels, config.volumes?.[source]?.driver_opts);
  }
  const envFile = service.volumes?.find((v) => v.type === 'bind' && v.target === '/app/.env')?.source;
  const image = engine.findImage(imageName(config, key));
  if (!image) throw new EngineError(`Error response from daemon: No such image: ${imageName(config, key)}`);
  return {
    name: service.container_name ?? madeUp(config, key, '1'),
    image,
    env: service.environment ?? {},
    labels: { ...labels, [HASH]: configHash(service) },
    ...(service.restart ? { restart: service.restart } : {}),
    ...(service.command ? { command: service.command.split(' ') } : {}),
    networks: Object.fromEntries(
      networksOf(config, service).map((n) => [networkName(config, n), [service.container_name ?? key, key]]),
    ),
    ports: (service.ports ?? []).map((p) => ({
      target: p.target,
      published: Number(p.published),
      hostIp: p.host_ip,
    })),
    addresses: Object.values(service.networks ?? {}).flatMap((of) => of?.ipv4_address ?? []),
    mounts,
    healthcheck: service.healthcheck?.test ?? [],
    envFile,
    binds,
    bindKinds,
    readOnly: service.read_only ?? false,
  };
}
