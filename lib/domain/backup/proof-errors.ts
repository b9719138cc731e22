import { unmet } from '../../core/refusal.ts';
import { joined, printable, type Text } from '../../core/text.ts';

// Why a volume may not go: `precondition` all of them.

export const stale = (volume: string, minutes: number) =>
  unmet(
    {
      en: `The backup of volume ${volume} is too old to delete anything on the strength of it (limit: ${minutes} minutes).`,
      zh: `数据卷 ${volume} 的备份已过期 (上限 ${minutes} 分钟), 不能据此删除数据.`,
    },
    { en: 'Run the script again: it takes a new one.', zh: '重新运行脚本, 会生成新的备份.' },
  );

export const appeared = (volume: string) =>
  unmet({
    en: `Volume ${volume} exists, and nobody has looked into it.`,
    zh: `数据卷 ${volume} 存在, 其内容未经检查.`,
  });

export const replaced = (dir: string) =>
  unmet({
    en: `The backup in ${dir} is not the one that was verified.`,
    zh: `${dir} 中的备份已不是验证过的那一份.`,
  });

export const notEmpty = (volume: string, found: readonly Text[]) => {
  const { en, zh } = joined(found.slice(0, 10));
  return unmet(
    { en: `Volume ${volume} is not empty: ${en}.`, zh: `数据卷 ${volume} 不为空: ${zh}.` },
    { en: 'Take a backup of it.', zh: '请先备份.' },
  );
};

export const leavesOut = (volume: string, databases: readonly string[]) =>
  unmet(
    {
      en: `Volume ${volume} also holds databases that this backup does not: ${printable(databases.join(', '))}.`,
      zh: `数据卷 ${volume} 中还有该备份未包含的数据库: ${printable(databases.join(', '))}.`,
    },
    {
      en: 'Back them up or drop them; or take a cold archive of the whole volume instead.',
      zh: '请先备份或删除这些数据库; 也可以改为对整个数据卷做冷归档.',
    },
  );
