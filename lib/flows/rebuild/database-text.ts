import { humanBytes, printable, type Text } from '../../core/text.ts';
import type { DatabaseFacts } from '../../domain/stack/deployment.ts';

/** The database in a line, as far as it could be asked. */
export function databaseText(db: DatabaseFacts): Text {
  if (db.kind === 'unreadable') {
    const { en, zh } = NOT_ASKED.unreadable;
    return { en: `${en}: ${printable(db.why.en)}`, zh: `${zh}: ${printable(db.why.zh)}` };
  }
  if (db.kind !== 'running') return NOT_ASKED[db.kind];
  const [size, revision] = [humanBytes(db.bytes), printable(db.revision ?? '-')];
  return {
    en: `${size}, ${db.tables} tables, revision ${revision}`,
    zh: `${size}, ${db.tables} 张表, 结构版本 ${revision}`,
  };
}

const NOT_ASKED: Readonly<Record<Exclude<DatabaseFacts['kind'], 'running'>, Text>> = {
  none: { en: 'none', zh: '无' },
  stopped: { en: 'not running', zh: '未运行' },
  unreadable: { en: 'running, but can’t be read', zh: '运行中, 但无法读取' },
};
