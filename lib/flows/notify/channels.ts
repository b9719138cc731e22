import { OpsError } from '../../core/errors.ts';
import type { Channel } from '../../core/notify.ts';
import type { Ops } from '../../core/ops.ts';
import { misuse } from '../../core/refusal.ts';
import { printable } from '../../core/text.ts';

/** @throws {OpsError} `config` when nobody is configured. */
export function requireSome({ target: { notify } }: Pick<Ops, 'target'>): void {
  if (notify.channels.length > 0 || Object.keys(notify.watch).length > 0) return;
  throw new OpsError({
    kind: 'config',
    what: {
      en: 'No alerts are set up: the target configuration has no notify.',
      zh: '未配置任何通知对象: 目标配置中没有 notify.',
    },
    next: [
      {
        en: 'docs/alerts.md has one to copy; name the file with --config or WHALEFALL_CONFIG.',
        zh: '可参考 docs/alerts.zh-CN.md 中的示例; 用 --config 或 WHALEFALL_CONFIG 指定配置文件.',
      },
    ],
  });
}

/** The one that is named, or all. @throws {OpsError} `usage` when there is none of that name. */
export function channelsNamed(ops: Pick<Ops, 'target'>, name: string | boolean | undefined): readonly Channel[] {
  requireSome(ops);
  const { channels } = ops.target.notify;
  if (typeof name !== 'string') return channels;
  const found = channels.filter((c) => c.name === name);
  if (found.length > 0) return found;
  const there = channels.map((c) => c.name).join(', ') || '-';
  throw misuse({
    en: `There is no channel ${printable(name)}; there are: ${there}`,
    zh: `没有名为 ${printable(name)} 的通道; 可用: ${there}`,
  });
}
