import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { commandFailed } from '../../core/refusal.ts';
import type { Step } from '../../core/step.ts';
import type { Target } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { databasePassword, ownAddress } from '../../domain/replacement/stack-facts.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import { inspectHba, restoreHba } from '../../tools/pg-hba/hba.ts';
import { canLogIn, setPassword } from '../../tools/postgres/login.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { askedFor } from '../../tools/postgres/wire.ts';
import type { Connection, Rebuild, Started } from './rebuild.ts';

/** Looks at pg_hba.conf, asks the server over the wire, and logs in as the application will. Changes nothing. */
export async function inspectConnection(ops: Ops, facts: Facts, database: Database): Promise<Connection> {
  const host = ownAddress(facts, database.container);
  const address = { host, port: ops.target.ports.postgres };
  const [hba, asked, login] = await Promise.all([
    inspectHba(ops, database),
    askedFor(ops, address, { user: database.user, database: database.name }, 5_000),
    canLogIn(ops, database, { container: database.container.id, host }, databasePassword(facts.stack)),
  ]);
  const open = asked === 'trust' || hba.unreadable || hba.remoteTrust.length > 0 || hba.errors.length > 0;
  return { login, open };
}

export interface Connected {
  readonly evidence: Text;
  /** The server's time since which a repaired pg_hba.conf is in force; a session from before it may have come in without a password. */
  readonly closedSince: string | undefined;
}

export const connectionStep = (rebuild: Rebuild): Step<Connected, [Started]> => ({
  id: 'connection',
  title: {
    en: 'Log in as the application will; make sure nobody gets in without a password',
    zh: '以应用身份登录数据库, 并确保外部无法免密访问',
  },
  risk: 'none',
  commands: [
    rebuild.plan.deletes.length > 0
      ? {
          en: 'as it was in prepare, with the same files; proved from outside at the end',
          zh: '沿用准备新数据库时的同一批文件; 最后从外部验证',
        }
      : {
          en: 'psql over TCP; ALTER ROLE … PASSWORD over the socket only if the password differs; never trust',
          zh: 'psql 经 TCP 登录; 仅在密码不一致时经本地 socket 执行 ALTER ROLE … PASSWORD; 绝不使用 trust',
        },
  ],
  run: (ops, started) => ensureConnection(ops, rebuild, started),
  evidence: ({ evidence }) => evidence,
});

/**
 * Makes the login that the application will do possible, and the one that a stranger would do impossible.
 *
 * A kept volume keeps its old password whatever `.env` says: then the role gets the new one. pg_hba.conf is touched only to
 * take `trust` out of it.
 */
async function ensureConnection(ops: Ops, { target, facts }: Rebuild, started: Started): Promise<Connected> {
  const { database } = started.stores;
  const { open, login: first } = started.connection;
  const host = ownAddress(facts, database.container);
  const from = { container: database.container.id, host };
  const address = { host, port: target.ports.postgres };
  const password = databasePassword(facts.stack);
  const repaired = open ? await restoreHba(ops, database, { address, clientContainer: from.container }) : undefined;

  let login = open ? await canLogIn(ops, database, from, password) : first;
  const changed = login === 'wrong-password';
  if (changed) {
    await setPassword(ops, database, password);
    login = await canLogIn(ops, database, from, password);
  }
  if (login !== 'yes') throw cannotLogIn(target, typeof login === 'object' ? login.error : login);
  const how: Text = changed
    ? {
        en: "logged in over TCP after setting the role's password to that of .env",
        zh: '已将数据库角色密码更新为 .env 中的密码, TCP 登录成功',
      }
    : { en: 'logged in over TCP', zh: 'TCP 登录成功' };
  const evidence: Text = repaired
    ? { en: `${how.en}; ${repaired.evidence.en}`, zh: `${how.zh}; ${repaired.evidence.zh}` }
    : how;
  return { evidence, closedSince: repaired?.inForceSince };
}

function cannotLogIn(target: Target, why: string): OpsError {
  const logs = composeTyped(target, 'logs', '--tail', '200', target.services.postgres);
  return commandFailed(
    { en: `PostgreSQL does not let the application log in: ${why}`, zh: `应用无法登录 PostgreSQL: ${why}` },
    {
      en: `This is about the network or the server, not about pg_hba.conf: don't open that. See: ${logs}`,
      zh: `问题在网络或 PostgreSQL 本身, 与 pg_hba.conf 无关, 不要放宽其规则. 查看: ${logs}`,
    },
  );
}
