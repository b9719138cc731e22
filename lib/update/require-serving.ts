import { describeHealth, type Health } from '../app/health.ts';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import type { Containers } from '../target/containers.ts';
import type { Container, Stack } from '../target/stack.ts';
import type { Text } from '../text.ts';

/**
 * A hot update changes what serves; what does not serve can't be proved unharmed.
 *
 * @throws {OpsError} `precondition` with everything that is not up and healthy.
 */
export function requireServing(
  stack: Stack,
  containers: Containers,
  health: Health | undefined,
): { app: Container; postgres: Container; redis: Container } {
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
  const paused = [app, postgres, redis].flatMap((c) => (c?.state === 'paused' ? [c.id.slice(0, 12)] : []));
  throw new OpsError({
    kind: 'precondition',
    what: {
      en: `A hot update needs everything up and healthy: ${findings.map((f) => f.en).join('; ')}`,
      zh: `热更新要求所有服务正常运行: ${findings.map((f) => f.zh).join('; ')}`,
    },
    state: NOTHING_CHANGED,
    next: [
      ...paused.map(
        (id): Text => ({
          en: `What is paused goes on with: docker unpause ${id}`,
          zh: `已暂停的容器恢复运行: docker unpause ${id}`,
        }),
      ),
      {
        en: 'A full rebuild starts and proves all of it, and keeps the data: npx tsx scripts/deploy-prod-all.ts --data keep',
        zh: '全量重建会启动并验证全部服务, 且保留数据: npx tsx scripts/deploy-prod-all.ts --data keep',
      },
      {
        en: 'What was only just started needs a minute: then run this again.',
        zh: '若服务刚刚启动, 稍等片刻后重新运行即可.',
      },
    ],
  });
}
