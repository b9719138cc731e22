import { OpsError, whatHappened } from '../errors.ts';
import type { Ops } from '../host/ops.ts';
import type { Database } from '../target/stack.ts';
import { giveToServer, readServerFile, replaceServerFile, serverAccount } from './hba-file.ts';
import { type HbaProof, notSafe, type Outside, proveHba, whatIsAsked } from './hba-proof.ts';
import { type Hba, type HbaRule, inspectHba } from './hba-rules.ts';
import { type PasswordMethod, withoutRemoteTrust } from './hba-text.ts';
import { execute, literal, query } from './psql.ts';

export type { HbaProof, Outside } from './hba-proof.ts';
export { proveHba } from './hba-proof.ts';
export { type Hba, type HbaRule, inspectHba } from './hba-rules.ts';

const POLL_MS = 100;
const IN_FORCE_WITHIN_MS = 10_000;

/**
 * Closes a database that lets strangers in without a password, and proves it. Does nothing but {@link proveHba} where
 * nothing is wrong. Otherwise: rules that trust anybody beyond socket and loopback get the method that fits the stored
 * passwords (the old file stays beside it as a dated copy), the server reloads, and sessions that had come in over TCP
 * under the old rules are ended. Never writes a `trust` that was not there, and never puts an old file back.
 *
 * @throws {OpsError} `precondition` when the file is broken or cannot be replaced while the server still asks for
 * passwords; `needs-person` (exit 6) whenever the server is open, or could not be proved closed.
 */
export async function restoreHba(ops: Ops, db: Database, outside: Outside): Promise<HbaProof> {
  const asked = await whatIsAsked(ops, db, outside);
  let found: Hba | undefined;
  try {
    found = await inspectHba(ops, db);
    const unreadable = found.unreadable;
    if (unreadable) {
      await giveToServer(ops, db, await serverAccount(ops, db, found.dataDirectory), found.file);
      found = await inspectHba(ops, db);
    }
    if (found.errors.length > 0) throw brokenFile(found);
    const open = found.remoteTrust.length > 0;
    if (!open && !unreadable && asked !== 'trust') return await proveHba(ops, db, outside);
    const method = open ? await fittingMethod(ops, db) : undefined;
    const copies = method ? await rewrite(ops, db, found, method) : [];
    const since = await reload(ops, db, outside);
    const endedSessions = await endSessionsBefore(ops, db, since);
    return {
      ...(await proveHba(ops, db, outside)),
      done: open ? 'rewritten' : 'reloaded',
      rewritten: found.remoteTrust,
      method,
      copies,
      endedSessions,
      inForceSince: since,
    };
  } catch (error) {
    ops.signal.throwIfAborted();
    const now = await whatIsAsked(ops, db, outside);
    const closed = (now === 'scram' || now === 'md5' || now === 'password') && !found?.remoteTrust.length;
    if (closed || (error instanceof OpsError && error.kind === 'needs-person')) throw error;
    throw notSafe(ops, db, found, now === 'trust', [whatHappened(error)], error);
  }
}

/** md5 lines accept SCRAM verifiers as well, so md5 where both kinds are stored. */
async function fittingMethod(ops: Ops, db: Database): Promise<PasswordMethod> {
  const sql = `SELECT json_build_object('md5', count(*)) FROM pg_authid WHERE rolcanlogin AND left(rolpassword, 3) = 'md5'`;
  const [stored] = await query<{ md5: number }>(ops, db, sql);
  if (stored === undefined) throw new Error('the server gave no answer about its stored passwords');
  return stored.md5 > 0 ? 'md5' : 'scram-sha-256';
}

/** @returns where the old files are kept. */
async function rewrite(ops: Ops, db: Database, hba: Hba, method: PasswordMethod): Promise<string[]> {
  const stamp = new Date(ops.clock.now()).toISOString().replace(/[-:]|\.\d+/g, '');
  const files = [...new Set(hba.remoteTrust.map((r) => r.file))];
  const account = await serverAccount(ops, db, hba.dataDirectory);
  const copies: string[] = [];
  for (const file of files) {
    const lines = hba.remoteTrust.filter((r) => r.file === file).map((r) => r.line);
    const before = await readServerFile(ops, db, account, file);
    // Not `….conf`: an include_dir would read the copy.
    const copy = `${file}.before-${stamp}`;
    await replaceServerFile(ops, db, account, {
      file,
      before,
      after: withoutRemoteTrust(before, lines, method),
      copy,
    });
    copies.push(copy);
  }
  const now = await inspectHba(ops, db);
  const wanted = hba.rules.map((r) => (hba.remoteTrust.includes(r) ? { ...r, method } : r));
  if (now.errors.length > 0 || !sameRules(now.rules, wanted)) {
    throw new OpsError({
      kind: 'needs-person',
      what: {
        en: `${files.join(', ')} was rewritten, but PostgreSQL does not read it as expected. The old file: ${copies.join(', ')}`,
        zh: `已改写 ${files.join(', ')}, 但 PostgreSQL 读到的规则与预期不符. 原文件: ${copies.join(', ')}`,
      },
    });
  }
  return copies;
}

function sameRules(a: readonly HbaRule[], b: readonly HbaRule[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Reloads, and waits until a session that began after it shows the new load time. `pg_reload_conf()` itself answers true
 * at once, and even for a file that the server then rejects; what is in force is seen from outside.
 *
 * @returns the server's time since when the new rules apply.
 */
async function reload(ops: Ops, db: Database, outside: Outside): Promise<string> {
  const [before] = await query<string>(ops, db, 'SELECT pg_conf_load_time()');
  await execute(ops, db, 'SELECT pg_reload_conf();');
  // A backend inherits the load time when it is forked, and the server reads pg_hba.conf before it forks again.
  const isInForce = `SELECT json_build_object('since', backend_start, 'inForce',
    pg_conf_load_time() > ${literal(String(before))}::timestamptz AND backend_start >= pg_conf_load_time())
    FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
  const end = ops.clock.monotonic() + IN_FORCE_WITHIN_MS;
  for (;;) {
    const asked = await whatIsAsked(ops, db, outside);
    const [now] = await query<{ since: string; inForce: boolean }>(ops, db, isInForce);
    if (now?.inForce && asked !== 'trust') return now.since;
    if (ops.clock.monotonic() >= end) throw notInForce(ops, db, asked === 'trust');
    await ops.clock.sleep(POLL_MS, ops.signal);
  }
}

/**
 * Ends client sessions over TCP, loopback excepted, that began before a time of the server.
 *
 * A client that had connected, but said nothing until the rules changed, can still come in under the old ones for
 * `authentication_timeout` (60 s): call this again at the end of a run, with {@link HbaProof.inForceSince}.
 *
 * @returns how many there were.
 * @throws {OpsError} `needs-person` when one does not end within 10 s.
 */
export async function endSessionsBefore(ops: Ops, db: Database, since: string): Promise<number> {
  const which = `FROM pg_stat_activity
    WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid() AND client_addr IS NOT NULL
    AND NOT (client_addr <<= '127.0.0.0/8' OR client_addr = '::1') AND backend_start < ${literal(since)}::timestamptz`;
  const ended = new Set<number>();
  const end = ops.clock.monotonic() + IN_FORCE_WITHIN_MS;
  for (;;) {
    const sessions = await query<number>(ops, db, `SELECT pid ${which}`);
    if (sessions.length === 0) return ended.size;
    for (const pid of sessions) ended.add(pid);
    await execute(ops, db, `SELECT pg_terminate_backend(pid) ${which};`);
    if (ops.clock.monotonic() >= end) {
      const pids = sessions.join(', ');
      throw notSafe(ops, db, undefined, false, [
        {
          en: `Sessions that came in without a password do not end: pid ${pids}.`,
          zh: `未经密码登录的会话无法终止: pid ${pids}.`,
        },
      ]);
    }
    await ops.clock.sleep(POLL_MS, ops.signal);
  }
}

function notInForce(ops: Ops, db: Database, open: boolean): OpsError {
  return notSafe(ops, db, undefined, open, [
    {
      en: `The server was told to reload its pg_hba.conf, but the new rules were not in force ${IN_FORCE_WITHIN_MS / 1000} s later.`,
      zh: `已通知服务器重新加载 pg_hba.conf, 但 ${IN_FORCE_WITHIN_MS / 1000} 秒后新规则仍未生效.`,
    },
  ]);
}

function brokenFile(hba: Hba): OpsError {
  const lines = hba.errors.map((e) => `${e.file}:${e.line}: ${e.error}`).join('\n');
  return new OpsError({
    kind: 'precondition',
    what: {
      en: `pg_hba.conf has errors. PostgreSQL ignores the whole file and keeps the rules from before; it would not start again.\n${lines}`,
      zh: `pg_hba.conf 有错误. PostgreSQL 会忽略整个文件并沿用旧规则, 而且重启后将无法启动.\n${lines}`,
    },
    state: { en: 'The file was left as it is.', zh: '该文件未被改动.' },
    next: [
      {
        en: 'Correct these lines by hand, then run this script again.',
        zh: '请手动更正以上各行, 然后重新运行本脚本.',
      },
    ],
  });
}
