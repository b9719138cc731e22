import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { commandFailed, late } from '../../core/refusal.ts';
import { ask, CommandError, read, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import type { Container } from './containers.ts';

const POLL_MS = 200;

export const ONE_TRY_MS = 5_000;

/** Waits until what a container runs is ready. @throws {OpsError} `deadline`, or as {@link throwIfEnded}. */
export async function waitForService(
  ops: Ops,
  container: Container,
  { name, deadlineMs }: { readonly name: string; readonly deadlineMs: number },
  isReady: () => Promise<boolean>,
): Promise<void> {
  const ready = await poll(ops, { everyMs: POLL_MS, forMs: deadlineMs }, async () => {
    const is = await isReady().catch((error: unknown) => {
      // A try that hung says nothing yet.
      if (error instanceof CommandError && error.kind === 'deadline') return false;
      throw error;
    });
    if (!is) await throwIfEnded(ops, container, name);
    return is || undefined;
  });
  if (ready) return;
  throw late(
    { en: `${name} was not ready after ${deadlineMs / 1000} s.`, zh: `${name} 在 ${deadlineMs / 1000} 秒内未就绪.` },
    await lastLogLines(ops, container),
  );
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
  throw commandFailed(
    {
      en: `${name}'s container ${container.name} ${crashed ? `crashed and was restarted (${restarts} times)` : `is ${state}`}; exit code ${exitCode}${oom ? ', out of memory' : ''}.`,
      zh: `${name} 容器 ${container.name} ${crashed ? `崩溃并被重启 (${restarts} 次)` : `状态为 ${state}`}; 退出码 ${exitCode}${oom ? ', 内存不足' : ''}.`,
    },
    await lastLogLines(ops, container),
  );
}

/** What a container said last, as advice. */
export async function lastLogLines(ops: Ops, container: Pick<Container, 'id'>): Promise<Text> {
  const logs = await run(ops, read(['docker', 'logs', '--tail', '12', container.id]), [0, 1]);
  const lines = printable(ops.secrets.redact(`${logs.stdout}${logs.stderr}`)).trim();
  return { en: `Its last log lines:\n${lines}`, zh: `最近的日志:\n${lines}` };
}
