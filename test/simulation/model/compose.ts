import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import {
  ComposeError,
  configHash,
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

const PROJECT = 'com.docker.compose.project';
const SERVICE = 'com.docker.compose.service';
const HASH = 'com.docker.compose.config-hash';

/** `docker compose …` */
export function compose(builder: Host, call: Call): Reply {
  const global = parseFlags(call.argv.slice(2), '', '-f --project-directory');
  const [command = '', ...words] = global.rest;
  if (command === 'version') return { stdout: '2.26.1\n' };
  const file = one(global, '-f') ?? unknown('compose without -f');
  const directory = one(global, '--project-directory') ?? unknown('compose without --project-directory');
  let config: Resolved;
  try {
    config = resolve(file === '-' ? call.input.toString() : readFileSync(file, 'utf8'), directory, call.env);
  } catch (error) {
    if (error instanceof ComposeError) return { exitCode: 15, stderr: `${error.message}\n` };
    throw error;
  }
  if (command === 'config') return show(config, words);
  builder.changed(call);
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

function show(config: Resolved, words: readonly string[]): Reply {
  const flags = parseFlags(words, '', '--format --hash');
  if (one(flags, '--format') === 'json') return { stdout: printed(config) };
  if (one(flags, '--hash') !== '*') return unknown(`config ${words.join(' ')}`);
  // For a service with a build it is another hash than the label's.
  const lines = Object.entries(config.services).map(([k, s]) => `${k} ${configHash(s)}${s.build ? 'x' : ''}\n`);
  return { stdout: lines.join('') };
}

function build({ engine, release }: Host, config: Resolved, words: readonly string[]): Reply {
  const { rest } = parseFlags(words, '', '--build-arg');
  const image = config.services[rest[0] ?? '']?.image ?? unknown('a build of a service without an image name');
  if (release.buildFails) {
    // Builds like to repeat what they were given.
    const told = config.services[rest[0] ?? '']?.environment?.DATABASE_URL;
    return { exitCode: 17, stderr: `#9 ${told}\n#9 ERROR: process "/bin/sh -c uv sync" did not complete\n` };
  }
  // Nothing changed: the cache gives the same image again.
  engine.addImage('app', image, { id: `sha256:${release.commit}${'e'.repeat(24)}`, release });
  return { stderr: '#12 exporting layers\n', stdout: '' };
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

function up({ engine }: Host, config: Resolved, words: readonly string[]): Reply {
  const flags = parseFlags(words, '-d --no-start --force-recreate --no-deps --no-build', '--pull');
  if (one(flags, '--pull') !== 'never' || !flags.on.has('--no-deps') || !flags.on.has('--no-build'))
    return unknown(`compose up ${words.join(' ')}: what it would pull, build or take along`);
  for (const key of Object.keys(config.networks ?? {})) network(engine, networkName(config, key));
  for (const key of flags.rest) {
    const service = config.services[key] ?? unknown(`service ${key}`);
    const image = engine.image(service.image ?? '');
    const present = ofService(engine, config.name, key);
    const same = present?.image.id === image.id && present.labels?.[HASH] === configHash(service);
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

const network = (engine: Engine, name: string) => engine.networks.set(name, engine.networks.get(name) ?? {});

export function ofService(engine: Engine, project: string, key: string): Container | undefined {
  return engine.containers.find(
    ({ labels = {} }) =>
      labels[PROJECT] === project && labels[SERVICE] === key && labels['com.docker.compose.oneoff'] === 'False',
  );
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
  for (const name of Object.keys(config.networks ?? {})) network(engine, networkName(config, name));
  const container = engine.create({
    ...spec,
    name: one(flags, '--name') ?? unknown('a one-off without a name'),
    labels: { ...spec.labels, ...labelsOf(flags), 'com.docker.compose.oneoff': 'True' },
    ...(entrypoint === undefined ? { trial } : { command: [entrypoint, ...args] }),
    networks: Object.fromEntries(Object.keys(spec.networks).map((n) => [n, []])),
    ports: [],
    healthcheck: false,
  });
  engine.start(container);
  return { stdout: `${container.id}\n` };
}

function specOf(engine: Engine, config: Resolved, key: string, service: ServiceFile) {
  const labels = { [PROJECT]: config.name, [SERVICE]: key, 'com.docker.compose.oneoff': 'False' };
  const mounts: Record<string, string> = {};
  const binds: Record<string, BindKind> = {};
  for (const { type, source, target } of service.volumes ?? []) {
    if (type !== 'volume') {
      if (!existsSync(source)) mkdirSync(source); // as engines do
      binds[target] = statSync(source).isFile() ? 'file' : readdirSync(source).length > 0 ? 'full' : '-';
      continue;
    }
    const name = volumeName(config, source);
    mounts[target] = name;
    engine.createVolume(name, { [PROJECT]: config.name, 'com.docker.compose.volume': source });
  }
  const image = engine.findImage(service.image ?? '');
  if (!image) throw new EngineError(`Error response from daemon: No such image: ${service.image}`);
  return {
    name: `${config.name}_${key}_prod`,
    image,
    env: service.environment ?? {},
    labels: { ...labels, [HASH]: configHash(service) },
    ...(service.command ? { command: service.command.split(' ') } : {}),
    networks: Object.fromEntries(Object.keys(config.networks ?? {}).map((n) => [networkName(config, n), [key]])),
    ports: (service.ports ?? []).map((p) => ({
      target: p.target,
      published: Number(p.published),
      ...(p.host_ip === undefined ? {} : { hostIp: p.host_ip }),
    })),
    mounts,
    binds,
    readOnly: service.read_only ?? false,
    healthcheck: service.healthcheck !== undefined,
  };
}
