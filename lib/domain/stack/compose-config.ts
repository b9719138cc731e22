import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { CommandError, type RunOps, run } from '../../core/run.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { config } from '../../tools/docker/compose.ts';
import { composeFiles, madeUpName } from '../../tools/docker/compose-files.ts';
import type { PublishedPort } from '../../tools/docker/containers.ts';
import { dataDirectoryOf, isWithin, type Mount, placeOf } from '../../tools/docker/places.ts';
import { registerEnvSecrets, registerVariables } from '../env/secrets.ts';
import {
  missingComposeFile,
  missingServices,
  noDatabaseVolume,
  oddName,
  otherComposeFiles,
  otherPort,
  refused,
  runsProvider,
  unknownShape,
} from './compose-config-errors.ts';
import { type Config, configSchema, type ServiceConfig, type variables } from './compose-schema.ts';
import { readSecretFiles } from './secret-files.ts';
import type { BuildSection, NamedVolume, OtherService, Service, ServiceRole, Stack } from './stack.ts';

type ConfigOps = RunOps & Pick<Ops, 'target'>;

/**
 * The stack as the engine would run it, from `docker compose config`. Registers all secrets in it.
 *
 * @param options.projectDirectory instead of the deploy directory (`withCandidateEnv`).
 * @param options.justLooking a database without a named volume is accepted: nothing is going to be kept, replaced or deleted.
 * @throws {OpsError} `config`: no compose file, one that compose refuses, a service is missing, the database has no named volume.
 * @throws {CommandError} when there is no compose.
 */
export async function resolveStack(
  ops: ConfigOps,
  options: { projectDirectory?: string; justLooking?: boolean } = {},
): Promise<Stack> {
  const { composeFile, dir, services: keys } = ops.target;
  const files = composeFiles(ops.target, options.projectDirectory);
  for (const file of files) if (!existsSync(file)) throw missingComposeFile(file);
  if (!files.includes(path.resolve(dir, composeFile))) throw otherComposeFiles(composeFile, files);
  // compose's messages repeat lines of `.env`, so its secrets must be known before they can be shown.
  registerEnvFile(ops, options.projectDirectory ?? dir);
  const { stdout, stderr } = await askCompose(ops, options.projectDirectory);
  const answer = parseConfig(stdout);
  const resolved = options.projectDirectory === undefined ? answer : rebased(answer, options.projectDirectory, dir);
  for (const service of Object.values(resolved.services)) {
    registerVariables(ops.secrets, present(service.environment));
    registerVariables(ops.secrets, present(service.build?.args));
  }

  const missing = Object.values(keys).filter((key) => !Object.hasOwn(resolved.services, key));
  if (missing.length > 0) throw missingServices(composeFile, missing);
  const of = (key: string) => resolved.services[key] as ServiceConfig;
  const imageOf = (key: string) => of(key).image ?? madeUpName(options.projectDirectory ?? dir, resolved.name, key);
  const service = (key: string): Service => ({
    key,
    image: imageOf(key),
    replicas: of(key).scale ?? of(key).deploy?.replicas ?? 1,
    networkMode: of(key).network_mode ?? '',
    ports: (of(key).ports ?? []).flatMap(published),
    ...environmentOf(ops, resolved, key),
    mounts: mountsOf(resolved, of(key)),
    supplied: suppliedOf(resolved, of(key)),
    composeOnly: composeOnly(resolved, of(key)),
    command: commandOf(of(key)),
    user: of(key).user ?? '',
    workingDir: of(key).working_dir ?? '',
    build: buildOf(of(key).build),
    starts: [of(key).entrypoint, of(key).command].flatMap((said) => said ?? []),
  });
  for (const key of Object.values(keys)) if (of(key).provider != null) throw runsProvider(composeFile, key);
  const volumes = Object.entries(keys).flatMap(([role, key]) => volumesOf(resolved, of(key), role as ServiceRole));
  for (const name of [...Object.values(keys), ...volumes.map((v) => v.name)]) requireName(composeFile, name, NAME);
  for (const key of Object.values(keys)) requireName(composeFile, of(key).image ?? key, REFERENCE);
  const services = { postgres: service(keys.postgres), redis: service(keys.redis), app: service(keys.app) };
  requirePorts(ops.target, services);
  if (!options.justLooking) requireDatabaseVolume(composeFile, services.postgres);
  return {
    project: resolved.name,
    warnings: warningsIn(stderr),
    services,
    others: othersOf(resolved, ops.target, imageOf),
    volumes,
    networks: Object.entries(resolved.networks ?? {}).map(([key, n]) => n?.name ?? `${resolved.name}_${key}`),
  };
}

/** What the other services are made from, by the image's name and by where they are built. */
function othersOf(
  resolved: Config,
  { dir, services }: ConfigOps['target'],
  imageOf: (key: string) => string,
): OtherService[] {
  const of = (key: string) => resolved.services[key] as ServiceConfig;
  const own = of(services.app).build?.context;
  return Object.keys(resolved.services)
    .filter((key) => !Object.values(services).includes(key))
    .map((key) => {
      const context = of(key).build?.context;
      const isOurs = context !== undefined && (context === own || isWithin(context, dir));
      return { key, code: imageOf(key) === imageOf(services.app) ? 'image' : isOurs ? 'repository' : 'foreign' };
    });
}

/**
 * The programs in PostgreSQL's container go where PGPORT says, as the server does; Redis has its port in its command line, or in a file
 * that is not looked into.
 */
function requirePorts({ ports, composeFile }: ConfigOps['target'], { postgres, redis }: Stack['services']): void {
  const listens = {
    postgres: postgres.environment.PGPORT || '5432',
    redis: /--port[ =](\d+)/.exec(redis.starts.join(' '))?.[1],
  };
  if (listens.postgres !== String(ports.postgres)) throw otherPort(composeFile, 'postgres', listens.postgres);
  if (listens.redis !== undefined && listens.redis !== String(ports.redis))
    throw otherPort(composeFile, 'redis', listens.redis);
}

// They become words of command lines. The engine takes no others, but compose hands them on as they are.
const NAME = /^[a-zA-Z0-9][\w.-]*$/;
const REFERENCE = /^[a-zA-Z0-9][\w./:@-]*$/;

function requireName(composeFile: string, name: string, form: RegExp): void {
  if (!form.test(name)) throw oddName(composeFile, name);
}

function registerEnvFile(ops: ConfigOps, directory: string): void {
  try {
    registerEnvSecrets(ops.secrets, readFileSync(path.join(directory, '.env'), 'utf8'));
  } catch {
    // absent or unreadable: `readEnv` says so
  }
}

/** What compose resolved against another directory, as it is against the deploy directory: contexts, and files that are mounted. */
function rebased(config: Config, from: string, to: string): Config {
  const moved = (file: string) => (`${file}/`.startsWith(`${from}/`) ? path.join(to, path.relative(from, file)) : file);
  const service = ({ build, volumes, ...rest }: ServiceConfig): ServiceConfig => ({
    ...rest,
    build: build && { ...build, context: moved(build.context) },
    volumes: volumes?.map((v) => (v.type === 'bind' && v.source ? { ...v, source: moved(v.source) } : v)),
  });
  const files = (all: Config['secrets']) =>
    Object.fromEntries(Object.entries(all ?? {}).map(([key, { file }]) => [key, { file: file && moved(file) }]));
  return {
    ...config,
    services: Object.fromEntries(Object.entries(config.services).map(([key, s]) => [key, service(s)])),
    secrets: files(config.secrets),
    configs: files(config.configs),
  };
}

/** compose says them in logfmt: `time="…" level=warning msg="The \"X\" variable is not set. …"`. */
function warningsIn(stderr: string): readonly string[] {
  const said = [...stderr.matchAll(/\blevel=warning msg=("(?:[^"\\]|\\.)*")/g)].map(([, msg = '']) => unquoted(msg));
  return [...new Set(said)].filter((msg) => !OBSOLETE.test(msg));
}

/** Of the key `version`, which newer releases of compose no longer want: it changes nothing. */
const OBSOLETE = /attribute `version` is obsolete/;

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}

async function askCompose(ops: ConfigOps, projectDirectory: string | undefined) {
  try {
    return await run(ops, config(ops.target, projectDirectory));
  } catch (error) {
    if (!(error instanceof CommandError) || error.kind === 'deadline' || NO_COMPOSE.test(error.output.stderr))
      throw error;
    if (error.output.exitCode === 127) throw error;
    throw refused(ops.target.composeFile, error.output.stderr);
  }
}

const NO_COMPOSE = /is not a docker command|unknown shorthand flag|unknown flag/;

function parseConfig(stdout: string): Config {
  try {
    return configSchema.parse(JSON.parse(stdout.replaceAll('$$', '$'))); // compose doubles every `$` of the output
  } catch {
    throw unknownShape(); // the errors of both parsers may repeat what they read
  }
}

const present = (map: z.infer<typeof variables>): Record<string, string> =>
  Object.fromEntries(Object.entries(map ?? {}).filter((e): e is [string, string] => e[1] !== null));

function buildOf(build: ServiceConfig['build']): BuildSection | undefined {
  if (build == null) return undefined;
  const { context, dockerfile, target, additional_contexts: others } = build;
  return { context, dockerfile, target, others: others ?? {} };
}

/** Ports that are bound to a known one on the host; ranges and random ports are the engine's choice. */
function published(port: NonNullable<ServiceConfig['ports']>[number]): PublishedPort[] {
  const number = String(port.published ?? '');
  const { target, protocol, host_ip: hostIp } = port;
  if ((protocol !== 'tcp' && protocol !== 'udp') || !/^[1-9]\d*$/.test(number)) return [];
  return [{ target, published: Number(number), hostIp: hostIp || '0.0.0.0', protocol }];
}

/** As the entrypoint has it: what `*_FILE` names is read, and registered. */
function environmentOf(ops: ConfigOps, resolved: Config, key: string): Pick<Service, 'environment' | 'fromFiles'> {
  const service = resolved.services[key] as ServiceConfig;
  const given = present(service.environment);
  const mounts = [...mountsOf(resolved, service), ...suppliedOf(resolved, service)];
  const read = readSecretFiles(ops.target.composeFile, key, given, mounts);
  registerVariables(ops.secrets, read);
  const kept = Object.entries(given).filter(([name]) => !Object.hasOwn(read, name.replace(/_FILE$/, '')));
  return { environment: { ...Object.fromEntries(kept), ...read }, fromFiles: Object.keys(read) };
}

function mountsOf(resolved: Config, { volumes }: ServiceConfig): Mount[] {
  return (volumes ?? []).map(({ type, source = '', target, read_only: readOnly }): Mount => {
    if (type === 'bind') return { kind: 'bind', source, target, ...(readOnly && { readOnly }) };
    return type === 'volume' && source
      ? { kind: 'volume', source: volumeName(resolved, source), target }
      : { kind: 'own', source: '', target };
  });
}

/** Secrets and configs, as the Compose specification places them. */
function suppliedOf({ secrets, configs }: Config, service: ServiceConfig): Mount[] {
  const filesOf = (list: ServiceConfig['secrets'], all: Config['secrets'], below: string) =>
    (list ?? []).map(({ source, target = source }): Mount => {
      const file = all?.[source]?.file;
      const at = path.posix.resolve(below, target);
      return file === undefined
        ? { kind: 'own', source: '', target: at, readOnly: true }
        : { kind: 'bind', source: file, target: at, readOnly: true };
    });
  return [...filesOf(service.secrets, secrets, '/run/secrets'), ...filesOf(service.configs, configs, '/')];
}

/** What a service asks for that compose itself carries out, or that means another service's container. */
function composeOnly({ secrets, configs }: Config, service: ServiceConfig): string[] {
  const { pid, ipc, volumes_from: from, links, post_start: after, pre_stop: before } = service;
  // Put into the container's layer when compose starts it.
  const written = (what: string, list: ServiceConfig['secrets'], all: Config['secrets']) =>
    (list ?? []).filter(({ source }) => !all?.[source]?.file).map(({ source }) => `${what}: ${source}`);
  return [
    ...written('secrets', service.secrets, secrets),
    ...written('configs', service.configs, configs),
    ...(after?.length ? ['post_start'] : []),
    ...(before?.length ? ['pre_stop'] : []),
    ...Object.entries({ pid, ipc }).flatMap(([what, of]) => (of?.startsWith('service:') ? [`${what}: ${of}`] : [])),
    ...(from ?? []).filter((of) => !of.startsWith('container:')).map((of) => `volumes_from: ${of}`),
    // Under its own name a service is found without a link.
    ...(links ?? []).filter((link) => /^(.*):(?!\1$)/.test(link)).map((link) => `links: ${link}`),
  ];
}

const volumeName = (resolved: Config, key: string) => resolved.volumes?.[key]?.name ?? `${resolved.name}_${key}`;

const commandOf = ({ command }: ServiceConfig): string[] =>
  typeof command === 'string' ? command.split(/\s+/) : (command ?? []);

/** Where the official images keep their data, unless told otherwise. */
const USUAL = { postgres: '/var/lib/postgresql/data', redis: '/data' } as const;

function volumesOf(resolved: Config, service: ServiceConfig, role: ServiceRole): NamedVolume[] {
  const told = { command: commandOf(service), pgdata: service.environment?.['PGDATA'] ?? '', workingDir: '' };
  const usual = role === 'app' ? undefined : USUAL[role];
  const data = usual && placeOf(mountsOf(resolved, service), dataDirectoryOf({ ...told, workingDir: usual }));
  return (service.volumes ?? []).flatMap(({ type, source, target }): NamedVolume[] => {
    if (type !== 'volume' || !source) return [];
    const name = volumeName(resolved, source);
    const external = Boolean(resolved.volumes?.[source]?.external);
    const holdsData = data?.kind === 'volume' && data.source === name;
    return [{ key: source, name, external, role, mountPoint: target, holdsData }];
  });
}

function requireDatabaseVolume(composeFile: string, { key, mounts, environment }: Service): void {
  const directory = environment.PGDATA || USUAL.postgres;
  const { kind } = placeOf(mounts, directory);
  if (kind !== 'volume') throw noDatabaseVolume(composeFile, key, directory, kind === 'bind' ? 'bind' : 'layer');
}

/** What compose said of its configuration, for a plan. */
export function composeSaid(said: string): Text {
  const [, unset] = /^The "(.*)" variable is not set\./.exec(said) ?? [];
  if (unset === undefined) return same(`docker compose: ${printable(said)}`);
  const name = printable(unset);
  return {
    en: `The compose file uses ${name}, which nothing sets: it is empty in what compose makes. Define it in .env.`,
    zh: `compose 文件引用了未定义的变量 ${name}, 结果为空. 请在 .env 中定义.`,
  };
}
