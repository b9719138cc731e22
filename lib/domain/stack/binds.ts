import type { Ops } from '../../core/ops.ts';
import type { Reason } from '../../core/refusal.ts';
import { ask } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';
import type { Mount } from '../../tools/docker/places.ts';
import { seenAt } from '../../tools/files/seen.ts';
import type { Containers } from './containers.ts';
import type { ServiceRole, Stack } from './stack.ts';

/** A file or directory of this machine that a service mounts, and that a new container would not get as it should. */
export interface BrokenBind extends Pick<Mount, 'source' | 'target'> {
  readonly service: string;
  /**
   * `gone`: the container that runs has it mounted, and it is not there any more. `directory`: that one has a file. `absent`: it is not there,
   * and no container has it yet; the engine makes an empty directory of it, which may be meant.
   */
  readonly why: 'gone' | 'directory' | 'absent';
}

/** Looks at the sources of all mounts, because the engine makes an empty directory of what is not there, and starts. Changes nothing. */
export async function findBrokenBinds(ops: Ops, stack: Stack, containers: Containers): Promise<BrokenBind[]> {
  const roles = Object.keys(stack.services) as ServiceRole[];
  return (await Promise.all(roles.map((role) => brokenIn(ops, stack, role, containers[role])))).flat();
}

async function brokenIn(
  ops: Ops,
  stack: Stack,
  role: ServiceRole,
  container: Containers[ServiceRole],
): Promise<BrokenBind[]> {
  const { key, mounts } = stack.services[role];
  const odd = mounts.flatMap(({ kind, source, target }) => {
    const is = kind === 'bind' ? kindOf(source) : 'file';
    return is === 'file' ? [] : [{ source, target, service: key, is } as const];
  });
  if (odd.length === 0) return [];
  const targets = odd.map((b) => b.target);
  const has = container?.state === 'running' ? await kindsIn(ops, container.id, targets) : [];
  return odd.flatMap(({ is, ...bind }, at): BrokenBind[] => {
    if (is === 'absent') return [{ ...bind, why: has[at] === 'file' || has[at] === 'full' ? 'gone' : 'absent' }];
    return has[at] === 'file' ? [{ ...bind, why: 'directory' }] : [];
  });
}

/** What can't be looked at is not judged. */
function kindOf(source: string): 'file' | 'directory' | 'absent' {
  const stat = seenAt(source);
  if (stat === undefined) return 'absent';
  return stat?.isDirectory() ? 'directory' : 'file';
}

const KINDS =
  'for t; do if [ -f "$t" ]; then echo file; elif [ -n "$(ls -A "$t" 2>/dev/null)" ]; then echo full; else echo -; fi; done';

/** What a running container has at each path: a file, a directory with something in it, or nothing of worth. */
async function kindsIn(ops: Ops, container: string, targets: readonly string[]): Promise<string[]> {
  const look = exec('read', container, ['sh', '-c', KINDS, 'kinds', ...targets]);
  return (await ask(ops, look, [0, 126, 127, 137])).split('\n');
}

/** What is wrong with it, and what to do. */
export function explainBind({ service, source, target, why }: BrokenBind): Reason {
  const [from, to] = [printable(source), `${service}:${printable(target)}`];
  if (why === 'directory') {
    return {
      text: {
        en: `${from} is a directory, and ${to} mounts it where the container that runs has a file.`,
        zh: `${from} 是目录, 但 ${to} 在运行中的容器里是文件.`,
      },
      fix: {
        en: 'The engine makes such a directory of a file that was missing: remove it, and put the file back.',
        zh: '文件缺失时引擎会创建同名空目录: 请删除该目录并恢复原文件.',
      },
    };
  }
  return {
    text: {
      en: `${from} does not exist, and ${to} mounts it: the engine would put an empty directory there.`,
      zh: `${from} 不存在, 但 ${to} 需要挂载它: 引擎会在此创建空目录.`,
    },
    fix: {
      en: `Put ${from} back, or take the mount out of the compose file.`,
      zh: `请恢复 ${from}, 或从 compose 文件中去掉该挂载.`,
    },
  };
}
