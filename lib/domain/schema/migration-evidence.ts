import type { Text } from '../../core/text.ts';
import type { Migrated } from './migrate.ts';

export function migrationEvidence(migrated: Migrated): Text {
  const { from, to, applied } = migrated;
  if (from === to) return { en: `already at ${to}`, zh: `已是最新版本 ${to}` };
  return {
    en: `${from ?? 'empty'} → ${to}${applied.length > 0 ? `, ${applied.length} migrations` : ''}`,
    zh: `${from ?? '空库'} → ${to}${applied.length > 0 ? `, 共 ${applied.length} 个迁移` : ''}`,
  };
}
