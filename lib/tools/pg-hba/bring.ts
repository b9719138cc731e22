import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { printable } from '../../core/text.ts';
import type { Database } from '../postgres/psql.ts';
import { readServerFile, replaceServerFile, serverAccount } from './file.ts';
import { fittingMethod, type HbaRule, inspectHba } from './hba.ts';
import { reload } from './reload.ts';
import { withoutRemoteTrust } from './text.ts';

/**
 * Gives a server that is to take another one's place its pg_hba.conf, so that whoever was let in or turned away is so there as well; but for
 * trust from beyond socket and loopback, which becomes a password. Afterwards it is in force.
 *
 * @throws {OpsError} `precondition` naming the rules that the new server does not read as the present one does.
 */
export async function bringHba(ops: Ops, from: Database, to: Database): Promise<void> {
  const [present, next] = await Promise.all([inspectHba(ops, from), inspectHba(ops, to)]);
  const open = present.remoteTrust.filter((r) => r.file === present.file);
  const method = open.length > 0 ? await fittingMethod(ops, from) : 'scram-sha-256';
  const text = await readServerFile(ops, from, await serverAccount(ops, from, present.dataDirectory), present.file);
  const account = await serverAccount(ops, to, next.dataDirectory);
  const before = await readServerFile(ops, to, account, next.file);
  const lines = open.map((r) => r.line);
  const after = withoutRemoteTrust(text, lines, method);
  if (after !== before) {
    await replaceServerFile(ops, to, account, { file: next.file, before, after, copy: `${next.file}.of-initdb` });
  }
  const { rules, errors } = await inspectHba(ops, to);
  const wanted = present.rules.map((r) => ruleText(open.includes(r) ? { ...r, method } : r));
  const found = rules.map(ruleText);
  const wrong = [
    ...errors.map((e) => `${e.file}:${e.line}: ${e.error}`),
    ...wanted.filter((rule) => !found.includes(rule)),
    ...found.filter((rule) => !wanted.includes(rule)),
  ];
  if (wrong.length > 0 || found.join('\n') !== wanted.join('\n')) throw notTheSame(wrong);
  if (after !== before) await reload(ops, to);
}

const ruleText = ({ type, database, user, address, netmask, method }: HbaRule): string =>
  [type, database.join(','), user.join(','), address, netmask, method].filter((word) => word !== undefined).join(' ');

function notTheSame(wrong: readonly string[]) {
  const list = wrong.map((line) => `\n  - ${printable(line)}`).join('');
  return refuse(
    {
      en: `The new server does not read pg_hba.conf as the present one does: who may log in would change.${list}`,
      zh: `新的 PostgreSQL 读取 pg_hba.conf 的结果与当前实例不同, 可登录的范围会因此改变.${list}`,
    },
    {
      en: 'Correct these lines in the present server (rules in files of their own do not come along: write them into pg_hba.conf itself), reload, then run this again.',
      zh: '请在当前实例中更正以上各行 (单独文件中的规则不会随之迁移, 请直接写入 pg_hba.conf), 重新加载后再运行本命令.',
    },
  );
}
