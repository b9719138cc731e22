import path from 'node:path';
import { printable, type Text } from '../../core/text.ts';
import type { MidwayFile } from '../stack/deployment.ts';

/** What Alembic logs before it begins, so that a migration that is not named in its log has not begun. */
const LOGS = /Context impl \w+|Running upgrade /;
const BEGUN = /Running upgrade .*?-> ([^\s,]+)/g;

/**
 * Files by which an upgrade that failed, and left the schema as it was, may have changed rows for good: those that commit inside a migration,
 * as far as it had begun. A migration's file has its revision in its name, where alembic's file_template puts it.
 *
 * @param said what the upgrade said; undefined when it was cut off.
 */
export function mayHaveChangedRows(midway: readonly MidwayFile[], said: string | undefined): string[] {
  const begun = said !== undefined && LOGS.test(said) ? [...said.matchAll(BEGUN)].map((m) => m[1] ?? '') : undefined;
  const had = (file: string) => {
    const name = path.posix.basename(file);
    return name === 'env.py' ? begun?.length !== 0 : (begun?.some((revision) => name.includes(revision)) ?? true);
  };
  return midway.filter(({ file, within }) => within && had(file)).map(({ file }) => file);
}

export function rowsText(files: readonly string[]): Text {
  const list = files.map(printable).join(', ');
  return {
    en: `The schema is as before, but ${list} commits on its way: rows may have been changed permanently, and nothing tells which.`,
    zh: `数据库结构与之前一致, 但 ${list} 会中途提交: 部分数据行可能已被永久修改, 且无法得知是哪些.`,
  };
}
