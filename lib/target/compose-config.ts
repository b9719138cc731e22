import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { config } from '../host/compose.ts';
import type { Ops } from '../host/ops.ts';
import { CommandError, type RunOps, run } from '../host/run.ts';
import {
  missingComposeFile,
  missingServices,
  noDatabaseVolume,
  oddName,
  refused,
  runsProvider,
  unknownShape,
} from './compose-config-errors.ts';
import { readEnvText } from './env-file.ts';
import { registerEnvSecrets, registerVariables } from './env-secrets.ts';
import type { NamedVolume, PublishedPort, Service, ServiceRole, Stack } from './stack.ts';

type ConfigOps = RunOps & Pick<Ops, 'target'>;

const variables = z.record(z.string(), z.string().nullable()).nullish();

const words = z.union([z.string(), z.array(z.string())]).nullish();

const serviceSchema = z.object({
  image: z.string().optional(),
  provider: z.unknown().optional(),
  environment: variables,
  entrypoint: words,
  command: words,
  build: z.object({ args: variables }).nullish(),
  ports: z
    .array(
      z.object({
        target: z.int(),
        published: z.union([z.string(), z.int()]).optional(),
        host_ip: z.string().optional(),
        protocol: z.string().default('tcp'),
      }),
    )
    .nullish(),
  volumes: z.array(z.object({ type: z.string(), source: z.string().optional(), target: z.string() })).nullish(),
});

const named = z.object({ name: z.string().optional(), external: z.unknown().optional() }).nullable();

/** What this library needs of compose's resolved config; everything else may be there. */
const configSchema = z.object({
  name: z.string(),
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), named).nullish(),
  networks: z.record(z.string(), named).nullish(),
});

type Config = z.infer<typeof configSchema>;
type ServiceConfig = z.infer<typeof serviceSchema>;

/**
 * The stack as the engine would run it, from `docker compose config`. Registers all secrets in it.
 *
 * @param options.projectDirectory instead of the deploy directory (`withCandidateEnv`).
 * @throws {OpsError} `config`: no compose file, one that compose refuses, a service is missing, the database has no named volume.
 * @throws {CommandError} when there is no compose.
 */
export async function resolveStack(ops: ConfigOps, options: { projectDirectory?: string } = {}): Promise<Stack> {
  const { composeFile, dir, services: keys } = ops.target;
  const file = path.resolve(dir, composeFile);
  if (!existsSync(file)) throw missingComposeFile(file);
  // compose's messages repeat lines of `.env`, so its secrets must be known before they can be shown.
  registerEnvFile(ops, options.projectDirectory ?? dir);
  const resolved = parseConfig(await askCompose(ops, options.projectDirectory));
  for (const service of Object.values(resolved.services)) {
    registerVariables(ops.secrets, present(service.environment));
    registerVariables(ops.secrets, present(service.build?.args));
  }

  const missing = Object.values(keys).filter((key) => !Object.hasOwn(resolved.services, key));
  if (missing.length > 0) throw missingServices(composeFile, missing);
  const of = (key: string) => resolved.services[key] as ServiceConfig;
  const service = (key: string): Service => ({
    key,
    image: of(key).image ?? `${resolved.name}-${key}`,
    ports: (of(key).ports ?? []).flatMap(published),
    environment: present(of(key).environment),
    starts: [of(key).entrypoint, of(key).command].flatMap((said) => said ?? []),
    binds: (of(key).volumes ?? []).flatMap(({ type, source, target }) =>
      type === 'bind' && source ? [{ source, target }] : [],
    ),
  });
  for (const key of Object.values(keys)) if (of(key).provider != null) throw runsProvider(composeFile, key);
  const volumes = Object.entries(keys).flatMap(([role, key]) => volumesOf(resolved, of(key), role as ServiceRole));
  for (const name of [...Object.values(keys), ...volumes.map((v) => v.name)]) requireName(composeFile, name, NAME);
  for (const key of Object.values(keys)) requireName(composeFile, of(key).image ?? key, REFERENCE);
  requireDatabaseVolume(composeFile, of(keys.postgres), keys.postgres, volumes);
  return {
    project: resolved.name,
    services: { postgres: service(keys.postgres), redis: service(keys.redis), app: service(keys.app) },
    volumes,
    networks: Object.entries(resolved.networks ?? {}).map(([key, n]) => n?.name ?? `${resolved.name}_${key}`),
  };
}

// They become words of command lines. The engine takes no others, but compose hands them on as they are.
const NAME = /^[a-zA-Z0-9][\w.-]*$/;
const REFERENCE = /^[a-zA-Z0-9][\w./:@-]*$/;

function requireName(composeFile: string, name: string, form: RegExp): void {
  if (!form.test(name)) throw oddName(composeFile, name);
}

function registerEnvFile(ops: ConfigOps, directory: string): void {
  try {
    const text = readFileSync(path.join(directory, '.env'), 'utf8');
    registerEnvSecrets(ops.secrets, text, readEnvText(text).values);
  } catch {
    // absent or unreadable: `readEnv` says so
  }
}

async function askCompose(ops: ConfigOps, projectDirectory: string | undefined): Promise<string> {
  try {
    return (await run(ops, config(ops.target, projectDirectory))).stdout;
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

/** Ports that are bound to a known one on the host; ranges and random ports are the engine's choice. */
function published(port: NonNullable<ServiceConfig['ports']>[number]): PublishedPort[] {
  const number = String(port.published ?? '');
  const { target, protocol, host_ip: hostIp } = port;
  if ((protocol !== 'tcp' && protocol !== 'udp') || !/^[1-9]\d*$/.test(number)) return [];
  return [{ target, published: Number(number), hostIp: hostIp || '0.0.0.0', protocol }];
}

function volumesOf(resolved: Config, service: ServiceConfig, role: ServiceRole): NamedVolume[] {
  return (service.volumes ?? []).flatMap(({ type, source, target }): NamedVolume[] => {
    if (type !== 'volume' || !source) return [];
    const volume = resolved.volumes?.[source];
    const name = volume?.name ?? `${resolved.name}_${source}`;
    return [{ key: source, name, external: Boolean(volume?.external), role, mountPoint: target }];
  });
}

/** Where the official image keeps its data, unless PGDATA says otherwise. */
const PGDATA = '/var/lib/postgresql/data';

function requireDatabaseVolume(
  composeFile: string,
  service: ServiceConfig,
  key: string,
  volumes: readonly NamedVolume[],
): void {
  const data = service.environment?.['PGDATA'] || PGDATA;
  const holds = (mountPoint: string) => `${data}/`.startsWith(`${mountPoint.replace(/\/$/, '')}/`);
  if (volumes.some((v) => v.role === 'postgres' && holds(v.mountPoint))) return;
  const mount = service.volumes?.find((v) => holds(v.target));
  throw noDatabaseVolume(composeFile, key, data, mount?.type === 'bind' ? 'bind' : 'layer');
}
