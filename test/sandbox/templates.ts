import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from './git.ts';
import type { BaseImages } from './images.ts';
import { POSTGRES, postgresVolume, recipe } from './recipe.ts';

/** The miniature application's repository, apart from the files that are rendered. */
export const APP_DIR = join(import.meta.dirname, 'app');

/** The ports on this machine: through nginx, straight to gunicorn, those of the two data services, and TLS where there is a certificate. */
export type Ports = { http: number; direct: number; postgres: number; redis: number; https?: number };

export type Placeholders = { prefix: string; appImage: string; images: BaseImages; ports: Ports; hostIp: string };

/**
 * The files that differ from sandbox to sandbox: names, ports and images are filled in.
 *
 * @param dir where the templates are.
 */
export function renderTemplates(values: Placeholders, dir = APP_DIR): Files {
  const port = (number: number) => (values.hostIp === '0.0.0.0' ? String(number) : `${values.hostIp}:${number}`);
  const { suite, redis } = recipe();
  const placeholders: Record<string, string> = {
    PREFIX: values.prefix,
    APP_IMAGE: values.appImage,
    APP_BASE: values.images.appBase,
    POSTGRES_IMAGE: values.images.postgres,
    POSTGRES_VOLUME: postgresVolume(POSTGRES[suite]),
    REDIS_IMAGE: values.images.redis,
    REDIS: redis,
    HTTP_PORT: port(values.ports.http),
    DIRECT_PORT: port(values.ports.direct),
    POSTGRES_PORT: port(values.ports.postgres),
    REDIS_PORT: port(values.ports.redis),
    ...(values.ports.https === undefined ? {} : { HTTPS_PORT: port(values.ports.https) }),
  };
  return Object.fromEntries(
    ['docker-compose.prod.yml', 'Dockerfile.prod'].map((name) => {
      const template = readFileSync(join(dir, `${name}.template`), 'utf8');
      return [name, template.replace(/@([A-Z_]+)@/g, (whole, key: string) => placeholders[key] ?? whole)];
    }),
  );
}
