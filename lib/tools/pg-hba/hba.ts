import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { commandFailed } from '../../core/refusal.ts';
import type { Text } from '../../core/text.ts';
import { stamp } from '../files/durable.ts';
import { type Database, queryOne } from '../postgres/psql.ts';
import { giveToServer, readServerFile, replaceServerFile, serverAccount } from './file.ts';
import { type HbaProof, proveHba, type RemoteAccess, whatIsAsked } from './proof.ts';
import { endSessionsBefore, notSafe, reload } from './reload.ts';
import { type Hba, type HbaRule, inspectHba } from './rules.ts';
import { type PasswordMethod, withoutRemoteTrust } from './text.ts';

export type { HbaProof, RemoteAccess } from './proof.ts';
export { proveHba } from './proof.ts';
export { type HbaRule, inspectHba } from './rules.ts';

/**
 * Closes a database that lets strangers in without a password, and proves it. Does nothing but {@link proveHba} where
 * nothing is wrong. Otherwise: rules that trust anybody beyond socket and loopback get the method that fits the stored
 * passwords (the old file stays beside it as a dated copy), the server reloads, and sessions that had come in over TCP
 * under the old rules are ended. Never writes a `trust` that was not there, and never puts an old file back.
 *
 * @throws {OpsError} `precondition` when the file is broken or cannot be replaced while the server still asks for
 * passwords; `needs-person` (exit 6) whenever the server is open, or could not be proved closed.
 */
export async function restoreHba(ops: Ops, db: Database, remote: RemoteAccess): Promise<HbaProof> {
  const asked = await whatIsAsked(ops, db, remote);
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
    if (!open && !unreadable && asked !== 'trust') return await proveHba(ops, db, remote);
    const method = open ? await fittingMethod(ops, db) : undefined;
    const copies = method ? await rewrite(ops, db, found, method) : [];
    const since = await reload(ops, db);
    const endedSessions = await endSessionsBefore(ops, db, since);
    const proof = await proveHba(ops, db, remote);
    return {
      ...proof,
      evidence: evidenceOf(proof.evidence, { rules: found.remoteTrust.length, method, copies, endedSessions }),
      done: open ? 'rewritten' : 'reloaded',
      rewritten: found.remoteTrust,
      method,
      copies,
      endedSessions,
      inForceSince: since,
    };
  } catch (error) {
    // Throws the signal's reason when the run was stopped.
    const now = await whatIsAsked(ops, db, remote);
    const closed = (now === 'scram' || now === 'md5' || now === 'password') && !found?.remoteTrust.length;
    const kind = error instanceof OpsError ? error.kind : undefined;
    if (kind === 'needs-person' || (kind === 'precondition' && closed)) throw error;
    throw notSafe(ops, db, { hba: found, open: now === 'trust', reasons: [whatHappened(error)], cause: error });
  }
}

function evidenceOf(
  proof: Text,
  done: {
    readonly rules: number;
    readonly method: PasswordMethod | undefined;
    readonly copies: readonly string[];
    readonly endedSessions: number;
  },
): Text {
  const { rules, method, copies, endedSessions: ended } = done;
  const old = copies.join(', ');
  return {
    en: `${method ? `${rules} rules changed from trust to ${method} (old file: ${old})` : 'rules reloaded'}, ${ended} sessions ended; ${proof.en}`,
    zh: `${method ? `已将 ${rules} 条 trust 规则改为 ${method} (原文件: ${old})` : '已重新加载规则'}, 终止了 ${ended} 个会话; ${proof.zh}`,
  };
}

/** md5 lines accept SCRAM verifiers as well, so md5 where both kinds are stored. */
export async function fittingMethod(ops: Ops, db: Database): Promise<PasswordMethod> {
  const sql = `SELECT json_build_object('md5', count(*)) FROM pg_authid WHERE rolcanlogin AND left(rolpassword, 3) = 'md5'`;
  const stored = await queryOne<{ md5: number }>(ops, db, sql);
  return stored.md5 > 0 ? 'md5' : 'scram-sha-256';
}

/** @returns where the old files are kept. */
async function rewrite(ops: Ops, db: Database, hba: Hba, method: PasswordMethod): Promise<string[]> {
  const files = [...new Set(hba.remoteTrust.map((r) => r.file))];
  const account = await serverAccount(ops, db, hba.dataDirectory);
  const copies: string[] = [];
  for (const file of files) {
    const lines = hba.remoteTrust.filter((r) => r.file === file).map((r) => r.line);
    const before = await readServerFile(ops, db, account, file);
    // Not `….conf`: an include_dir would read the copy.
    const copy = `${file}.before-${stamp(ops.clock.now())}`;
    await replaceServerFile(ops, db, account, { file, before, after: withoutRemoteTrust(before, lines, method), copy });
    copies.push(copy);
  }
  const now = await inspectHba(ops, db);
  const wanted = hba.rules.map((r) => (hba.remoteTrust.includes(r) ? { ...r, method } : r));
  if (now.errors.length > 0 || !sameRules(now.rules, wanted)) {
    throw commandFailed({
      en: `${files.join(', ')} was rewritten, but PostgreSQL does not read it as expected. The old file: ${copies.join(', ')}`,
      zh: `已改写 ${files.join(', ')}, 但 PostgreSQL 读到的规则与预期不符. 原文件: ${copies.join(', ')}`,
    });
  }
  return copies;
}

function sameRules(a: readonly HbaRule[], b: readonly HbaRule[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
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
      { en: 'Correct these lines by hand, then run this script again.', zh: '请手动更正以上各行, 然后重新运行本脚本.' },
    ],
  });
}
