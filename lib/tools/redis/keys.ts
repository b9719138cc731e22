import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Container } from '../docker/containers.ts';
import { exec } from '../docker/docker.ts';
import { placeOf } from '../docker/places.ts';
import { redisCli } from './cli.ts';

/**
 * How many keys Redis has that are to be there after a restart: those that don't expire, if it writes them to something that is
 * mounted. `undefined` when nothing is promised, or it can't be asked.
 */
export async function lastingKeys(ops: Ops, redis: Container, password: string): Promise<number | undefined> {
  if (placeOf(redis.mounts, redis.dataDirectory).kind === 'own') return undefined;
  const ask = exec('read', redis.id, redisCli(ops, '-h', '127.0.0.1'), {
    env: { REDISCLI_AUTH: password },
    input: 'INFO persistence\nCONFIG GET save\nINFO keyspace\n',
  });
  const { stdout } = await run(ops, ask, [0, 1, 126, 127, 137]);
  const lines = stdout.split(/\r?\n/);
  const saves = lines.includes('aof_enabled:1') || /^\d+ \d+/.test(lines[lines.indexOf('save') + 1] ?? '');
  if (!lines.includes('# Keyspace') || !saves) return undefined;
  const numbers = lines.map((line) => /^db\d+:keys=(\d+),expires=(\d+)/.exec(line)).filter((found) => found !== null);
  return numbers.reduce((sum, [, keys, expires]) => sum + Number(keys) - Number(expires), 0);
}
