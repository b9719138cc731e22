import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { joined, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { describeHealth, type Health } from '../app/health.ts';
import type { Containers } from '../stack/containers.ts';
import type { Stack } from '../stack/stack.ts';
import { adviceFor } from './unwell.ts';

/**
 * A hot update changes what serves; what does not serve can't be proved unharmed.
 *
 * @throws {OpsError} `precondition` with everything that is not up and healthy.
 */
export async function requireServing(
  ops: Ops,
  stack: Stack,
  containers: Containers,
  health: Health | undefined,
): Promise<{ app: Container; postgres: Container; redis: Container }> {
  const findings: Text[] = [];
  for (const role of ['postgres', 'redis', 'app'] as const) {
    const { key } = stack.services[role];
    const container = containers[role];
    if (container === undefined) findings.push({ en: `${key} has no container`, zh: `${key} 没有容器` });
    else if (container.state !== 'running')
      findings.push({ en: `${key} is ${container.state}`, zh: `${key} 状态为 ${container.state}` });
    // "starting" only says that the engine has not looked yet; the deep health check has.
    else if (container.health === 'unhealthy')
      findings.push({ en: `the engine calls ${key} unhealthy`, zh: `引擎报告 ${key} 不健康` });
  }
  if (health && !health.healthy) findings.push(describeHealth(health));
  const { app, postgres, redis } = containers;
  if (findings.length === 0 && app && postgres && redis) return { app, postgres, redis };
  const { en, zh } = joined(findings);
  throw refuse(
    { en: `A hot update needs everything up and healthy: ${en}`, zh: `热更新要求所有服务正常运行: ${zh}` },
    ...(await adviceFor(ops, stack, containers, health)),
  );
}
