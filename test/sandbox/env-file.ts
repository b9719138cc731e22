import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APP_DIR } from './templates.ts';

/**
 * The secrets of every sandbox. They are marked, so that a test can search all output for them: whatever contains
 * one of these has leaked.
 */
export const SENTINELS = {
  POSTGRES_PASSWORD: 'Sentinel-Postgres-4f1c9a',
  REDIS_PASSWORD: 'Sentinel-Redis-8b2e7d',
  SECRET_KEY: 'Sentinel-Secret-Key-c03d55e1a7f94b68',
  PASSWORD_ENCRYPTION_KEY: `${Buffer.from('Sentinel-Fernet-Key-1234567890ab').toString('base64url')}=`,
} as const;

/**
 * Write a valid `.env` (0600) into a deploy directory. An override of null leaves the variable out.
 *
 * @param example the file that it is made from.
 */
export function writeEnvFile(
  dir: string,
  overrides: Record<string, string | null> = {},
  example = join(APP_DIR, 'env.example'),
): string {
  const values: Record<string, string | null> = { ...SENTINELS, ...overrides };
  const lines = readFileSync(example, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const name = /^([A-Z_]+)=/.exec(line)?.[1];
      if (name === undefined || !(name in values)) return [line];
      const value = values[name];
      delete values[name];
      return value === null ? [] : [`${name}=${value}`];
    });
  const added = Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
  const file = join(dir, '.env');
  writeFileSync(file, [...lines, ...added, ''].join('\n'));
  // writeFileSync's mode counts for new files only.
  chmodSync(file, 0o600);
  return file;
}
