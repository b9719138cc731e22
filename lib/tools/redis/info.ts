import type { Ops } from '../../core/ops.ts';
import { commandFailed } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import { printable, same } from '../../core/text.ts';
import { exec } from '../docker/docker.ts';
import { redisCli } from './cli.ts';

/** `INFO`, by its fields. */
export type RedisInfo = Readonly<Record<string, string>>;

/**
 * All that Redis says about itself.
 *
 * @param password as its clients have it; '' for none.
 * @throws {OpsError} `command`: Redis' own words, such as WRONGPASS or LOADING.
 */
export async function redisInfo(ops: Ops, container: string, password: string): Promise<RedisInfo> {
  const env = password === '' ? {} : { env: { REDISCLI_AUTH: password } };
  const { stdout, stderr } = await run(
    ops,
    exec('read', container, ['timeout', '5', ...redisCli(ops, 'INFO')], { ...env, deadlineMs: 6_000 }),
    [0, 1, 124, 143],
  );
  const fields = [...stdout.matchAll(/^([\w-]+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]);
  if (fields.some(([name]) => name === 'redis_version')) return Object.fromEntries(fields);
  const words = printable(ops.secrets.redact(`${stderr}\n${stdout}`))
    .trim()
    .slice(0, 300);
  throw commandFailed(same(`Redis: ${words}`));
}
