import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import type { Container } from '../docker/containers.ts';
import { exec } from '../docker/docker.ts';
import { ONE_TRY_MS, waitForService } from '../docker/wait.ts';
import { redisCli } from './cli.ts';

/**
 * Waits until Redis answers an authenticated PING.
 *
 * @throws {OpsError} `precondition` at once when Redis takes no password or another one; else as {@link waitForPostgres}.
 */
export async function waitForRedis(
  ops: Ops,
  container: Container,
  password: string,
  deadlineMs: number,
): Promise<void> {
  const ping = exec('read', container.id, redisCli(ops, '-h', '127.0.0.1', 'ping'), {
    env: { REDISCLI_AUTH: password },
    deadlineMs: ONE_TRY_MS,
  });
  await waitForService(ops, container, { name: 'Redis', deadlineMs }, async () => {
    const { stdout, stderr } = await run(ops, ping, [0, 1, 126, 127, 137]);
    const wrong = whatIsWrong(`${stdout}\n${stderr}`);
    if (wrong) throw unmet(wrong);
    return stdout.trim().split('\n').at(-1) === 'PONG';
  });
}

/** redis-cli exits 0 on all of these, and `called without any password` is followed by a PONG. */
function whatIsWrong(said: string): Text | undefined {
  if (/without any password configured/i.test(said)) {
    return {
      en: 'Redis runs without a password, although REDIS_PASSWORD is set: whoever reaches its port can read and write it.',
      zh: 'Redis 未启用密码 (尽管 .env 已设置 REDIS_PASSWORD): 任何能访问该端口的人都可以读写.',
    };
  }
  if (/\b(WRONGPASS|NOAUTH|NOPERM)\b|invalid (username-)?password/i.test(said)) {
    return {
      en: 'Redis refuses the password in REDIS_PASSWORD. It runs with another one: recreate its container after a change.',
      zh: 'Redis 拒绝 REDIS_PASSWORD 中的密码: 容器仍在使用另一个密码, 修改 .env 后需要重建 redis 容器.',
    };
  }
  return undefined;
}
