import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { late } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { type Database, execute, literal, query } from '../postgres/psql.ts';
import type { Hba } from './rules.ts';

const IN_FORCE_WITHIN_MS = 10_000;
const PATIENCE = { everyMs: 100, forMs: IN_FORCE_WITHIN_MS };

/**
 * Reloads, and waits until a session that began after it shows the new load time. `pg_reload_conf()` itself answers true
 * at once, and even for a file that the server then rejects; what is in force is seen from outside.
 *
 * @returns the server's time since when the new rules apply.
 */
export async function reload(ops: Ops, db: Database): Promise<string> {
  const [before] = await query<string>(ops, db, 'SELECT pg_conf_load_time()');
  await execute(ops, db, 'SELECT pg_reload_conf();');
  // A backend inherits the load time when it is forked, and the server reads pg_hba.conf before it forks again.
  const isInForce = `SELECT json_build_object('since', backend_start, 'inForce',
    pg_conf_load_time() > ${literal(String(before))}::timestamptz AND backend_start >= pg_conf_load_time())
    FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
  const since = await poll(ops, PATIENCE, async () => {
    const [now] = await query<{ since: string; inForce: boolean }>(ops, db, isInForce);
    return now?.inForce ? now.since : undefined;
  });
  if (since === undefined) throw notInForce();
  return since;
}

/**
 * Ends client sessions over TCP, loopback excepted, that began before a time of the server.
 *
 * A client that had connected, but said nothing until the rules changed, can still come in under the old ones for
 * `authentication_timeout` (60 s): so the proof at the end of a run calls this again.
 *
 * @returns how many there were.
 * @throws {OpsError} `needs-person` when one does not end within 10 s.
 */
export async function endSessionsBefore(ops: Ops, db: Database, since: string): Promise<number> {
  const which = `FROM pg_stat_activity
    WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid() AND client_addr IS NOT NULL
    AND NOT (client_addr <<= '127.0.0.0/8' OR client_addr = '::1') AND backend_start < ${literal(since)}::timestamptz`;
  const ended = new Set<number>();
  let sessions: readonly number[] = [];
  const areGone = await poll(ops, PATIENCE, async () => {
    sessions = await query<number>(ops, db, `SELECT pid ${which}`);
    if (sessions.length === 0) return true;
    for (const pid of sessions) ended.add(pid);
    await execute(ops, db, `SELECT pg_terminate_backend(pid) ${which};`);
    return undefined;
  });
  if (areGone) return ended.size;
  const pids = sessions.join(', ');
  const staying = {
    en: `Sessions that came in without a password do not end: pid ${pids}.`,
    zh: `未经密码登录的会话无法终止: pid ${pids}.`,
  };
  throw notSafe(ops, db, { open: false, reasons: [staying] });
}

const notInForce = () =>
  late({
    en: `The server was told to reload its pg_hba.conf, but the new rules were not in force ${IN_FORCE_WITHIN_MS / 1000} s later.`,
    zh: `已通知 PostgreSQL 重新加载 pg_hba.conf, 但 ${IN_FORCE_WITHIN_MS / 1000} 秒后新规则仍未生效.`,
  });

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
