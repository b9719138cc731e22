import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Reason } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import { listed } from '../../tools/git/paths.ts';
import type { LocalChanges } from './local-changes.ts';

export const notReset = ({ text, fix }: Reason) =>
  new OpsError({
    kind: 'precondition',
    what: text,
    state: {
      en: 'The deploy directory was not reset and nothing in it is lost; what was deployed stays deployed.',
      zh: '部署目录未被重置, 其中内容没有丢失; 已部署的版本保持不变.',
    },
    next: [fix],
  });

export const newChanges = (ops: Pick<Ops, 'target'>, changed: readonly string[]) => {
  const look = asTyped(['git', '-C', ops.target.dir, 'status']);
  return notReset({
    text: {
      en: `The deploy directory was changed during this run: ${listed(changed)}`,
      zh: `运行期间部署目录发生了改动: ${listed(changed)}`,
    },
    fix: { en: `Look who works there, then run again: ${look}`, zh: `请确认是谁在操作, 然后重新运行: ${look}` },
  });
};

export const headMoved = (seen: LocalChanges, now: LocalChanges) => {
  const at = (c: LocalChanges) => `${listed([c.branch ?? 'HEAD'])} ${c.head.slice(0, 10)}`;
  return notReset({
    text: {
      en: `The checked-out commit changed during this run: from ${at(seen)} to ${at(now)}.`,
      zh: `运行期间检出的提交发生了变化: 由 ${at(seen)} 变为 ${at(now)}.`,
    },
    fix: { en: 'Look who works there, then run again.', zh: '请确认是谁在操作, 然后重新运行.' },
  });
};

/** Why a git that is at something in the deploy directory is in the way. @param operation as `LocalChanges.inProgress` has it. */
export const busyReason = (operation: string): Reason =>
  operation === 'index.lock'
    ? {
        text: {
          en: 'Another git works in the deploy directory (index.lock).',
          zh: '另一个 git 正在部署目录中运行 (index.lock).',
        },
        fix: {
          en: 'Wait for it to end; if none runs (ps), remove .git/index.lock. Then run again.',
          zh: '等待其结束; 若确认没有 git 进程 (ps), 删除 .git/index.lock 后重新运行.',
        },
      }
    : {
        text: {
          en: `A ${operation} is in progress in the deploy directory.`,
          zh: `部署目录中有未完成的 ${operation} 操作.`,
        },
        fix: {
          en: `Finish or abort it (git status says how), then run again.`,
          zh: `请完成或中止该操作 (见 git status), 然后重新运行.`,
        },
      };
