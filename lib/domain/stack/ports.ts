import type { BindProblem, Ops } from '../../core/ops.ts';
import type { Reason } from '../../core/refusal.ts';
import type { Container, PublishedPort } from '../../tools/docker/containers.ts';
import type { Stack } from './stack.ts';

/** A published port that the engine could not bind when a new container starts. */
export interface UnusablePort {
  readonly port: PublishedPort;
  readonly why: Exclude<BindProblem, 'unknown'> | 'twice';
}

/**
 * Binds every published port of the stack for a moment, as the engine will. What the stack's own containers have now is theirs again: those
 * are replaced. Changes nothing.
 *
 * @param containers all of the stack's, those of a replacement that was cut short as well.
 */
export async function findUnusablePorts(
  ops: Ops,
  stack: Stack,
  containers: readonly Container[],
): Promise<UnusablePort[]> {
  const wanted = Object.values(stack.services).flatMap((s) => s.ports);
  const ours = containers.flatMap((c) => c.ports);
  const problems = await Promise.all(
    wanted.map(async (port, at): Promise<UnusablePort[]> => {
      if (wanted.slice(0, at).some((other) => overlap(other, port))) return [{ port, why: 'twice' }];
      const why = await problemWith(ops, port, ours);
      return why === undefined || why === 'unknown' ? [] : [{ port, why }];
    }),
  );
  return problems.flat();
}

async function problemWith(
  ops: Ops,
  port: PublishedPort,
  ours: readonly PublishedPort[],
): Promise<BindProblem | undefined> {
  const bind = (host: string) => ops.net.tryBind({ host, port: port.published, protocol: port.protocol });
  const problem = await bind(port.hostIp);
  const held = ours.filter((own) => overlap(own, port)).map((own) => own.hostIp);
  if (problem !== 'taken' || held.length === 0) return problem;
  // Beside an own container on all addresses, or on this very one, there is nobody else.
  if (!isWildcard(port.hostIp) || held.some(isWildcard)) return undefined;
  // All addresses are wanted, and ours are some of them.
  const family = port.hostIp.includes(':');
  const others = ops.net.addresses().filter((a) => a.includes(':') === family && !held.includes(a));
  return (await Promise.all(others.map(bind))).includes('taken') ? 'taken' : undefined;
}

export const isWildcard = (host: string) => host === '0.0.0.0' || host === '::';

/** Whether both can't be bound at once. */
function overlap(one: PublishedPort, other: PublishedPort): boolean {
  if (one.published !== other.published || one.protocol !== other.protocol) return false;
  if (one.hostIp.includes(':') !== other.hostIp.includes(':')) return false;
  return one.hostIp === other.hostIp || isWildcard(one.hostIp) || isWildcard(other.hostIp);
}

/** Why it can't be, and what to do. */
export function explain({ port, why }: UnusablePort): Reason {
  const at = `${port.hostIp.includes(':') ? `[${port.hostIp}]` : port.hostIp}:${port.published}${port.protocol === 'udp' ? '/udp' : ''}`;
  if (why === 'no-address') {
    return {
      text: {
        en: `Port ${at} is to be published on an address that this machine does not have.`,
        zh: `端口 ${at} 要发布到的地址在本机不存在.`,
      },
      fix: {
        en: 'Which there are: ip -brief address. Correct the address in the compose file.',
        zh: '查看本机地址: ip -brief address. 请修正 compose 文件中的地址.',
      },
    };
  }
  if (why === 'twice') {
    return {
      text: { en: `Port ${at} is published twice by the compose file.`, zh: `compose 文件重复发布了端口 ${at}.` },
      fix: { en: 'Give each its own port or address.', zh: '请为各项使用不同的端口或地址.' },
    };
  }
  const sockets = `ss -l${port.protocol === 'udp' ? 'u' : 't'}np 'sport = :${port.published}'`;
  return {
    text: {
      en: `Port ${at} is taken by something that is not part of this stack.`,
      zh: `端口 ${at} 已被本服务之外的程序占用.`,
    },
    fix: { en: `Find it with: ${sockets}`, zh: `查找占用者: ${sockets}` },
  };
}
