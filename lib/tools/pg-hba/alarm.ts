import { asTyped } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import type { Database } from '../postgres/database.ts';
import type { Hba } from './rules.ts';

interface Unsafe {
  readonly hba?: Hba | undefined;
  /** Known to be open; else it may be. */
  readonly open: boolean;
  readonly reasons: readonly Text[];
  readonly cause?: unknown;
}

/** What to tell and type when the database is open, or may be. */
export function notSafe(ops: Ops, db: Database, { hba, open, reasons, cause }: Unsafe): OpsError {
  const list = (language: 'en' | 'zh') => reasons.map((r) => `\n  - ${ops.secrets.redact(r[language])}`).join('');
  const { name } = db.container;
  const psql = ['docker', 'exec', name, 'psql', '-X', '-U', db.user, '-d', db.name, '-c'];
  const edits = (hba?.remoteTrust ?? []).map((r) =>
    asTyped(['docker', 'exec', '-u', 'postgres', name, 'sed', '-i', `${r.line}s/trust/scram-sha-256/`, r.file]),
  );
  // A sound file that is not in force needs no editing.
  const sound = hba !== undefined && !hba.unreadable && hba.errors.length === 0;
  if (edits.length === 0 && !sound)
    edits.push(asTyped(['docker', 'exec', '-it', name, 'sh', '-c', 'vi "$PGDATA/pg_hba.conf"']));
  return new OpsError({
    kind: 'needs-person',
    what: open
      ? {
          en: `DATABASE IS OPEN WITHOUT PASSWORD: ANYBODY WHO REACHES ITS PORT IS SUPERUSER.${list('en')}`,
          zh: `数据库无需密码即可登录!!! 任何能访问其端口的人都拥有超级用户权限!!!${list('zh')}`,
        }
      : {
          en: `DATABASE COULD NOT BE PROVED SAFE: IT MAY BE OPEN WITHOUT PASSWORD.${list('en')}`,
          zh: `无法证明数据库是安全的!!! 可能无需密码即可登录!!!${list('zh')}`,
        },
    state: {
      en: 'The database is running. Nothing of its data was changed.',
      zh: '数据库仍在运行, 其中的数据未被改动.',
    },
    next: [
      {
        en: `If strangers can reach the port, stop it first: ${asTyped(['docker', 'stop', name])}`,
        zh: `如果端口对外可达, 请先停止数据库: ${asTyped(['docker', 'stop', name])}`,
      },
      {
        en: `See the rules: ${asTyped([...psql, 'SELECT * FROM pg_hba_file_rules'])}`,
        zh: `查看当前规则: ${asTyped([...psql, 'SELECT * FROM pg_hba_file_rules'])}`,
      },
      ...edits.map((typed) => ({
        en: `Only "local", 127.0.0.1/32 and ::1/128 may say trust: ${typed}`,
        zh: `只有 local, 127.0.0.1/32 和 ::1/128 可以使用 trust: ${typed}`,
      })),
      {
        en: `Put it in force, then run this script again: ${asTyped([...psql, 'SELECT pg_reload_conf()'])}`,
        zh: `使其生效, 然后重新运行本脚本: ${asTyped([...psql, 'SELECT pg_reload_conf()'])}`,
      },
    ],
    cause,
  });
}
