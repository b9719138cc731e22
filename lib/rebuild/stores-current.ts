import { read } from '../host/command.ts';
import { configHashes } from '../host/compose.ts';
import type { Ops } from '../host/ops.ts';
import { ask } from '../host/run.ts';
import type { Containers } from '../target/containers.ts';
import type { Stack } from '../target/stack.ts';

/**
 * Whether the running PostgreSQL and Redis are what the compose file says, so that `up` would do nothing: compose compares the
 * same hash with the same label.
 */
export async function storesAreCurrent(ops: Ops, stack: Stack, containers: Containers): Promise<boolean> {
  const stores = [containers.postgres, containers.redis];
  if (stores.some((c) => c?.state !== 'running')) return false;
  const ids = stores.map((c) => c?.id ?? '');
  const label = '{{index .Config.Labels "com.docker.compose.config-hash"}}';
  const [hashes, labels] = await Promise.all([
    ask(ops, configHashes(ops.target)),
    ask(ops, read(['docker', 'inspect', '-f', label, ...ids])),
  ]);
  const wanted = new Map(hashes.split('\n').map((line) => line.split(' ') as [string, string]));
  const actual = labels.split('\n');
  return [stack.services.postgres, stack.services.redis].every((s, i) => wanted.get(s.key) === actual[i]);
}
