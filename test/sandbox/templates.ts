import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from './git.ts';
import type { BaseImages } from './images.ts';

/** The miniature application's repository, apart from the files that are rendered. */
export const APP_DIR = join(import.meta.dirname, 'app');

/** The ports on this machine: through nginx, straight to gunicorn, and those of the two data services. */
export type Ports = { http: number; direct: number; postgres: number; redis: number };

export type Placeholders = { prefix: string; appImage: string; images: BaseImages; ports: Ports; hostIp: string };

/** The files that differ from sandbox to sandbox: names, ports and images are filled in. */
export function renderTemplates(values: Placeholders): Files {
  const port = (number: number) => (values.hostIp === '0.0.0.0' ? String(number) : `${values.hostIp}:${number}`);
  const placeholders: Record<string, string> = {
    PREFIX: values.prefix,
    APP_IMAGE: values.appImage,
    APP_BASE: values.images.appBase,
    POSTGRES_IMAGE: values.images.postgres,
    REDIS_IMAGE: values.images.redis,
    HTTP_PORT: port(values.ports.http),
    DIRECT_PORT: port(values.ports.direct),
    POSTGRES_PORT: port(values.ports.postgres),
    REDIS_PORT: port(values.ports.redis),
  };
  return Object.fromEntries(
    ['docker-compose.prod.yml', 'Dockerfile.prod'].map((name) => {
      const template = readFileSync(join(APP_DIR, `${name}.template`), 'utf8');
      return [name, template.replace(/@([A-Z_]+)@/g, (whole, key: string) => placeholders[key] ?? whole)];
    }),
  );
}
