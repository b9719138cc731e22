import { OpsError } from '../core/errors.ts';
import { unmet } from '../core/refusal.ts';
import { asTyped } from '../core/run.ts';
import type { Target } from '../core/target.ts';
import { printable, same } from '../core/text.ts';
import { composeTyped } from '../tools/docker/compose.ts';
import type { Container } from '../tools/docker/containers.ts';

/** Asked something of a container that can't answer. */
export function notRunning(target: Target, service: string, container: Container | undefined): OpsError {
  const typed = container
    ? asTyped(['docker', 'logs', '--tail', '50', container.name])
    : composeTyped(target, 'ps', '-a');
  return unmet(
    container
      ? {
          en: `${service} is not running: its container ${container.name} is ${container.state}.`,
          zh: `${service} 未运行: 容器 ${container.name} 的状态为 ${container.state}.`,
        }
      : { en: `${service} is not running: it has no container.`, zh: `${service} 未运行: 容器不存在.` },
    { en: `Look: ${typed}`, zh: `查看: ${typed}` },
  );
}

/** Whatever else the script's own code throws, with the line that it came from. */
export function broken(name: string, file: string, error: unknown): OpsError {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const stack = error instanceof Error ? (error.stack ?? '').split('\n').slice(1) : [];
  const line = (stack.find((l) => l.includes(file)) ?? stack[0] ?? '').trim();
  const what = printable(message);
  return new OpsError({
    kind: 'failed',
    what: { en: `${name} itself failed: ${what}`, zh: `脚本 ${name} 自身出错: ${what}` },
    next: line === '' ? [] : [same(printable(line))],
    cause: error,
  });
}
