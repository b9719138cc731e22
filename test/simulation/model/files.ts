import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ComposeFile } from './compose-file.ts';

/** Of somebody else's, and never to be touched: only its name is like ours. */
export const FOREIGN_VOLUME = 'other_whalefall_postgres_data';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: references as they stand in a compose file
export const COMPOSE_FILE: ComposeFile = {
  services: {
    postgres: {
      image: 'postgres:15-alpine',
      container_name: 'prod_postgres_prod',
      environment: {
        POSTGRES_DB: '${POSTGRES_DB}',
        POSTGRES_USER: '${POSTGRES_USER}',
        POSTGRES_PASSWORD: '${POSTGRES_PASSWORD}',
      },
      ports: [{ target: 5432, published: '25432', protocol: 'tcp' }],
      volumes: [{ type: 'volume', source: 'whalefall_postgres_data', target: '/var/lib/postgresql/data' }],
      healthcheck: { test: ['CMD-SHELL', 'pg_isready -U whalefall_user'] },
    },
    redis: {
      image: 'redis:7-alpine',
      container_name: 'prod_redis_prod',
      command: 'redis-server --requirepass ${REDIS_PASSWORD} --appendonly yes',
      ports: [{ target: 6379, published: '26379', protocol: 'tcp' }],
      volumes: [{ type: 'volume', source: 'whalefall_redis_data', target: '/data' }],
    },
    whalefall: {
      image: 'whalefall:prod',
      container_name: 'prod_whalefall_prod',
      build: { context: '.', args: { HTTP_PROXY: '${HTTP_PROXY}' } },
      env_file: ['.env'],
      volumes: [{ type: 'bind', source: './.env', target: '/app/.env' }],
      environment: { FLASK_ENV: '${FLASK_ENV:-production}' },
      ports: [
        { target: 80, published: '28080', protocol: 'tcp' },
        { target: 5001, published: '28081', protocol: 'tcp' },
      ],
      healthcheck: { test: ['CMD', 'curl', '-f', 'http://localhost/api/v1/health/basic'] },
    },
  },
  volumes: { whalefall_postgres_data: {}, whalefall_redis_data: {} },
  networks: { whalefall_prod_network: {} },
};

export const ENV_EXAMPLE = `# Copy this file to .env and fill in what is empty.
POSTGRES_DB=whalefall_prod
POSTGRES_USER=whalefall_user
POSTGRES_PASSWORD=
REDIS_PASSWORD=
SECRET_KEY=
PASSWORD_ENCRYPTION_KEY=
BCRYPT_LOG_ROUNDS=4
APP_NAME=鲸落
APP_VERSION=1.5.0
FLASK_ENV=production
FLASK_DEBUG=0
LOG_LEVEL=INFO
PERMANENT_SESSION_LIFETIME=3600
CACHE_TYPE=redis
CACHE_REDIS_URL=redis://:\${REDIS_PASSWORD}@redis:6379/0
DATABASE_URL=postgresql+psycopg://whalefall_user:\${POSTGRES_PASSWORD}@postgres:5432/whalefall_prod
`;
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: references as they stand in a compose file

/** What a checkout has, as far as every script looks at it. */
export const FILES: Readonly<Record<string, string>> = {
  'docker-compose.prod.yml': JSON.stringify(COMPOSE_FILE, null, 2),
  'Dockerfile.prod': 'FROM scratch\n',
  'env.example': ENV_EXAMPLE,
  'sql/seed/postgresql/permission_configs.sql': "INSERT INTO permission_configs VALUES ('seed');\n",
};

export function writeFiles(dir: string): void {
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), text);
  }
}
