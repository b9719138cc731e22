import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { composeModel } from '../../unit/env-readers.models.ts';

export interface ServiceFile {
  image?: string;
  build?: { context: string; args?: Record<string, string> };
  command?: string;
  env_file?: string[];
  environment?: Record<string, string>;
  ports?: { target: number; published: string; protocol: string; host_ip?: string }[];
  read_only?: boolean;
  volumes?: { type: string; source: string; target: string }[];
  healthcheck?: { test: string };
}

/** The compose file: JSON, which is YAML as well. */
export interface ComposeFile {
  services: Record<string, ServiceFile>;
  volumes?: Record<string, { name?: string } | null>;
  networks?: Record<string, { name?: string } | null>;
  name?: string;
}

export type Resolved = ComposeFile & { name: string };

type Env = Readonly<Record<string, string | undefined>>;

export class ComposeError extends Error {}

/** Reads the file and `.env` as compose does; values replaced, names made. */
export function resolve(text: string, directory: string, env: Env): Resolved {
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
  for (const service of Object.values(replaced.services)) {
    if (service.env_file) service.environment = { ...Object.fromEntries(dotenv), ...service.environment };
  }
  return { name, ...replaced };
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

/** As `config --format json` prints it: every `$` doubled. */
export const printed = (config: unknown) => `${JSON.stringify(config).replaceAll('$', '$$$$')}\n`;

export const configHash = (service: ServiceFile) => createHash('sha256').update(JSON.stringify(service)).digest('hex');

export const volumeName = (config: Resolved, key: string) => config.volumes?.[key]?.name ?? `${config.name}_${key}`;
export const networkName = (config: Resolved, key: string) => config.networks?.[key]?.name ?? `${config.name}_${key}`;
