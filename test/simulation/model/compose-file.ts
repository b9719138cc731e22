import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { composeModel } from '../../unit/domain/env/readers.models.ts';

export interface ServiceFile {
  image?: string;
  container_name?: string;
  labels?: Record<string, string>;
  links?: string[];
  networks?: Record<string, { ipv4_address?: string } | null>;
  build?: { context: string; args?: Record<string, string>; additional_contexts?: Record<string, string> };
  secrets?: { source: string; target?: string }[];
  command?: string;
  user?: string;
  env_file?: string[];
  environment?: Record<string, string>;
  ports?: { target: number; published: string; protocol: string; host_ip?: string }[];
  read_only?: boolean;
  restart?: string;
  volumes?: { type: string; source: string; target: string }[];
  healthcheck?: { test: readonly string[] };
}

/** A volume or a network; an external one is there already. */
interface Named {
  name?: string;
  external?: boolean;
  driver_opts?: Record<string, string>;
}

/** The compose file: JSON, which is YAML as well. */
export interface ComposeFile {
  services: Record<string, ServiceFile>;
  volumes?: Record<string, Named | null>;
  networks?: Record<string, Named | null>;
  secrets?: Record<string, { file?: string; environment?: string }>;
  name?: string;
}

export type Resolved = ComposeFile & {
  name: string;
  /** Not in compose's own output: who is to blame for what is made of it. */
  madeBy: MadeBy;
  /** Likewise: what `.env` and the caller's variables say. */
  variables: ReadonlyMap<string, string>;
};

interface MadeBy {
  readonly directory: string;
  readonly files: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

export class ComposeError extends Error {}

/**
 * Reads the file and `.env` as compose does; values replaced, names made.
 *
 * @param override a second file, of which the model knows what a build section has.
 */
export function resolve(text: string, madeBy: MadeBy, env: Env, override?: string): Resolved {
  const { directory } = madeBy;
  const dotenv = readEnv(directory);
  let file: ComposeFile;
  try {
    file = JSON.parse(text) as ComposeFile;
  } catch {
    throw new ComposeError('yaml: line 3: mapping values are not allowed in this context');
  }
  const values = new Map([...dotenv, ...Object.entries(env).filter((e): e is [string, string] => e[1] !== undefined)]);
  const name = path
    .basename(directory)
    .toLowerCase()
    .replace(/[^\w-]/g, '');
  const replaced = replace(file, values) as ComposeFile;
  for (const [key, service] of Object.entries(replaced.services)) {
    for (const [linked = ''] of (service.links ?? []).map((link) => link.split(':')))
      if (!replaced.services[linked])
        throw new ComposeError(`service "${key}" depends on undefined service "${linked}": invalid compose project`);
    if (service.build) service.build.context = path.resolve(directory, service.build.context);
    for (const mount of service.volumes ?? []) {
      if (mount.type === 'bind') mount.source = path.resolve(directory, mount.source);
    }
    if (service.env_file) service.environment = { ...Object.fromEntries(dotenv), ...service.environment };
  }
  for (const [key, { build }] of Object.entries(override ? (JSON.parse(override) as ComposeFile).services : {})) {
    const service = replaced.services[key];
    if (service && build) service.build = { ...service.build, ...build };
  }
  return { name, ...replaced, madeBy, variables: values };
}

function readEnv(directory: string): ReadonlyMap<string, string> {
  const file = path.join(directory, '.env');
  if (!existsSync(file)) return new Map();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new ComposeError(`open ${file}: permission denied`);
  }
  const values = composeModel(text);
  if (values === undefined)
    throw new ComposeError(`failed to read ${file}: line 1: unexpected character in variable name`);
  return values;
}

function replace(value: unknown, env: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\$|\$\{(\w+)(?::-([^}]*))?\}/g, (all, name: string | undefined, otherwise = '') =>
      name === undefined ? all[0] : env.get(name) || otherwise,
    );
  }
  if (Array.isArray(value)) return value.map((v) => replace(v, env));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, replace(v, env)]));
}

/** As `config --format json` prints it: every `$` doubled, what `env_file` says among the variables. */
export function printed({ services, madeBy: _madeBy, variables: _variables, ...rest }: Resolved): string {
  const read = Object.entries(services).map(([key, { env_file: _, ...service }]) => [key, service]);
  return `${JSON.stringify({ ...rest, services: Object.fromEntries(read) }).replaceAll('$', '$$$$')}\n`;
}

/** Of the service as it is when all its files have been read; how it is built makes no difference. */
export function configHash({ build: _, env_file: __, ...service }: ServiceFile): string {
  return createHash('sha256').update(JSON.stringify(service)).digest('hex');
}

export const volumeName = (config: Resolved, key: string) => config.volumes?.[key]?.name ?? `${config.name}_${key}`;
export const networkName = (config: Resolved, key: string) => config.networks?.[key]?.name ?? `${config.name}_${key}`;

/** A variable by which compose is told yes or no. */
export const isOn = (config: Resolved, variable: string): boolean =>
  /^(1|t|true|y)$/i.test(config.variables.get(variable) ?? '');

/** A name that compose makes up. */
export const madeUp = (config: Resolved, ...parts: readonly string[]): string =>
  [config.name, ...parts].join(isOn(config, 'COMPOSE_COMPATIBILITY') ? '_' : '-');
