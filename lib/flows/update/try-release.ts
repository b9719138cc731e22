import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import { endCanary, tryCanary } from '../../domain/app/canary.ts';
import { startCanary } from '../../domain/app/gunicorn.ts';
import type { Health } from '../../domain/app/health.ts';
import type { Checked } from './check.ts';
import type { Facts } from './facts.ts';
import type { UpdateOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { keepFormer } from './switch.ts';

/**
 * Boots the release on a private socket, unless it has been booting since the check, and requires that it is healthy. What the switch
 * will replace is saved meanwhile.
 */
export async function tryRelease(
  ops: Ops,
  facts: Facts,
  progress: Progress,
  checked: Checked,
  options: UpdateOptions,
): Promise<Health> {
  const { staging } = progress;
  if (progress.canary !== undefined && checked.schema === 'behind') {
    await endCanary(ops, staging, progress.canary); // it saw the schema from before the migration
    progress.canary = undefined;
  }
  progress.canary ??= (await startCanary(ops, staging, facts.programs.web, checked.from)).pid;
  const [health] = await allEnded([
    tryCanary(ops, staging, progress.canary),
    keepFormer(ops, facts, progress, options),
  ]);
  return health;
}
