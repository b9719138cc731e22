import { read } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, CommandError, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import type { Container, Database } from '../../domain/stack/stack.ts';
import { exec } from '../docker/docker.ts';

const POLL_MS = 200;
const ONE_TRY_MS = 5_000;

/**
 * Waits until PostgreSQL takes TCP connections. The socket would say so too early: the official image's init scripts
 * run on a server that listens on the socket alone.
 *
 * @throws {OpsError} `deadline`, or `command` as soon as the container ended or was restarted; with its last log lines.
 */
export async function waitForPostgres(
  ops: Ops,
  db: Pick<Database, 'container' | 'user' | 'name'>,
  deadlineMs: number,
): Promise<void> {
  const isReady = exec('read', db.container.id, ['pg_isready', '-q', '-h', '127.0.0.1', '-U', db.user, '-d', db.name], {
    deadlineMs: ONE_TRY_MS,
  });
  await poll(ops, db.container, deadlineMs, 'PostgreSQL', async () => {
    // 1: refuses connections as yet; 2: no answer; 126, 127, 137: the container is not there (yet, or any more).
    return (await run(ops, isReady, [0, 1, 2, 126, 127, 137])).exitCode === 0;
  });
}

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
  const ping = exec('read', container.id, ['redis-cli', '-h', '127.0.0.1', 'ping'], {
    env: { REDISCLI_AUTH: password },
    deadlineMs: ONE_TRY_MS,
  });
  await poll(ops, container, deadlineMs, 'Redis', async () => {
    const { stdout, stderr } = await run(ops, ping, [0, 1, 126, 127, 137]);
    const wrong = whatIsWrong(`${stdout}\n${stderr}`);
    if (wrong) throw new OpsError({ kind: 'precondition', what: wrong });
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

async function poll(ops: Ops, container: Container, deadlineMs: number, name: string, isReady: () => Promise<boolean>) {
  const end = ops.clock.monotonic() + deadlineMs;
  for (;;) {
    const ready = await isReady().catch((error: unknown) => {
      // A try that hung says nothing yet.
      if (error instanceof CommandError && error.kind === 'deadline') return false;
      throw error;
    });
    if (ready) return;
    await throwIfEnded(ops, container, name);
    if (ops.clock.monotonic() >= end) {
      throw new OpsError({
        kind: 'deadline',
        what: {
          en: `${name} was not ready after ${deadlineMs / 1000} s.`,
          zh: `${name} 在 ${deadlineMs / 1000} 秒内未就绪.`,
        },
        next: [await lastLogLines(ops, container)],
      });
    }
    await ops.clock.sleep(POLL_MS, ops.signal);
  }
}

/**
 * Waiting for a container that has ended, or that the engine restarts again and again, is pointless.
 *
 * @param container as it was when the waiting began; a higher restart count is a crash since then.
 * @throws {OpsError} `command`, with the container's last log lines.
 */
export async function throwIfEnded(ops: Ops, container: Container, name: string): Promise<void> {
  const format = '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}} {{.State.OOMKilled}}';
  const answer = await ask(ops, read(['docker', 'inspect', '-f', format, container.id]), [0, 1]);
  const [state = 'removed', restarts = '0', exitCode = '?', outOfMemory] = answer.trim().split(/\s+/).filter(Boolean);
  const crashed = Number(restarts) > container.restartCount;
  if ((state === 'running' || state === 'created') && !crashed) return;
  const oom = outOfMemory === 'true';
  throw new OpsError({
    kind: 'command',
    what: {
      en: `${name}'s container ${container.name} ${crashed ? `crashed and was restarted (${restarts} times)` : `is ${state}`}; exit code ${exitCode}${oom ? ', out of memory' : ''}.`,
      zh: `${name} 容器 ${container.name} ${crashed ? `崩溃并被重启 (${restarts} 次)` : `状态为 ${state}`}; 退出码 ${exitCode}${oom ? ', 内存不足' : ''}.`,
    },
    next: [await lastLogLines(ops, container)],
  });
}

/** What a container said last, as advice. */
export async function lastLogLines(ops: Ops, container: Pick<Container, 'id'>): Promise<Text> {
  const logs = await run(ops, read(['docker', 'logs', '--tail', '12', container.id]), [0, 1]);
  const lines = printable(ops.secrets.redact(`${logs.stdout}${logs.stderr}`)).trim();
  return { en: `Its last log lines:\n${lines}`, zh: `最近的日志:\n${lines}` };
}
