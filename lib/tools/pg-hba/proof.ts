import { randomBytes } from 'node:crypto';
import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { canLogIn, isLoopback, type Login } from '../postgres/login.ts';
import type { Database } from '../postgres/psql.ts';
import { type Address, type Asked, askedFor } from '../postgres/wire.ts';
import { endSessionsBefore, notSafe } from './reload.ts';
import { type Hba, type HbaRule, inspectHba } from './rules.ts';

/** Where a stranger would come from. */
export interface RemoteAccess {
  /** The published port, or the container's own address with the server's port. Not loopback inside the container. */
  readonly address: Address;
  /** Id of a container in the server's network that has psql: the application's, or the server's own. */
  readonly clientContainer: string;
  /** What that container calls the server; default: the server container's own address. */
  readonly clientHost?: string;
}

/** The server was seen to refuse entry without the right password. Made by {@link proveHba} and `restoreHba` alone. */
export interface HbaProof {
  readonly asked: Asked;
  /** What the run had to do for it. */
  readonly done: 'nothing' | 'reloaded' | 'rewritten';
  /** The rules that were `trust`, and what they are now. */
  readonly rewritten: readonly HbaRule[];
  readonly method: string | undefined;
  /** Dated copies of the old files, in the server's container. */
  readonly copies: readonly string[];
  /** Sessions that had come in under the old rules. */
  readonly endedSessions: number;
  /** The server's time from which the rules of now apply; a session from before may have come in under the old ones. */
  readonly inForceSince: string | undefined;
  readonly evidence: Text;
}

const PROBE_MS = 5_000;

/**
 * Proves that the database is closed to strangers: its pg_hba.conf is sound and trusts nobody beyond socket and loopback,
 * the server asks for a password over TCP from outside, and refuses a wrong one. Leaves one failed login in the server's log.
 *
 * @param since an earlier proof's `inForceSince`: sessions from before it that came late are ended first.
 * @throws {OpsError} `needs-person` (exit 6) when any of it is not so, or could not be found out.
 */
export async function proveHba(ops: Ops, db: Database, remote: RemoteAccess, since?: string): Promise<HbaProof> {
  const endedSessions = since === undefined ? 0 : await endSessionsBefore(ops, db, since);
  const [hba, asked, login] = await Promise.all([
    inspectHba(ops, db).catch((error: unknown) => failure(ops, error)),
    whatIsAsked(ops, db, remote),
    wrongPassword(ops, db, remote),
  ]);
  const open = asked === 'trust' || login === 'yes';
  const reasons = [...aboutFile(hba), ...aboutServer(asked, login)];
  if (reasons.length > 0 || 'failed' in hba || typeof asked === 'object') {
    throw notSafe(ops, db, { hba: 'failed' in hba ? undefined : hba, open, reasons });
  }
  return {
    asked,
    done: 'nothing',
    rewritten: [],
    method: undefined,
    copies: [],
    endedSessions,
    inForceSince: since,
    evidence: {
      en: `${remote.address.host}:${remote.address.port} asks for ${asked}; a wrong password is refused; pg_hba.conf has no remote trust`,
      zh: `${remote.address.host}:${remote.address.port} 要求 ${asked} 认证; 错误密码被拒绝; pg_hba.conf 对远程连接没有 trust`,
    },
  };
}

interface Failed {
  readonly failed: Text;
}

function failure(ops: Ops, error: unknown): Failed {
  // A Ctrl-C is not a finding.
  ops.signal.throwIfAborted();
  return { failed: whatHappened(error) };
}

/** {@link askedFor} from outside; a failure is an answer. */
export async function whatIsAsked(ops: Ops, db: Database, remote: RemoteAccess): Promise<Asked | Failed> {
  const as = { user: db.user, database: db.name };
  return askedFor(ops, remote.address, as, PROBE_MS).catch((error: unknown) => failure(ops, error));
}

async function wrongPassword(ops: Ops, db: Database, remote: RemoteAccess): Promise<Login> {
  const host = remote.clientHost ?? Object.values(db.container.addresses).find((a) => a !== '' && !isLoopback(a));
  if (host === undefined) return { error: `${db.container.name} has no address of its own` };
  const client = { container: remote.clientContainer, host };
  return canLogIn(ops, db, client, randomBytes(18).toString('base64url')).catch((error: unknown) => ({
    error: failure(ops, error).failed.en,
  }));
}

function aboutFile(hba: Hba | Failed): Text[] {
  if ('failed' in hba) return [{ en: `pg_hba.conf: ${hba.failed.en}`, zh: `pg_hba.conf: ${hba.failed.zh}` }];
  return [
    ...(hba.unreadable
      ? [{ en: `${hba.file}: the server may not read it.`, zh: `${hba.file}: PostgreSQL 无权读取该文件.` }]
      : []),
    ...hba.errors.map((e) => same(`${e.file}:${e.line}: ${printable(e.error)}`)),
    ...hba.remoteTrust.map((r) => same(`${r.file}:${r.line}: ${asLine(r)}`)),
  ];
}

function aboutServer(asked: Asked | Failed, login: Login): Text[] {
  const reasons: Text[] = [];
  if (asked === 'trust') {
    reasons.push({
      en: 'Over TCP from outside the server lets in without asking for a password.',
      zh: '从外部经 TCP 连接时, PostgreSQL 不要求密码即放行.',
    });
  } else if (asked === 'rejected' || typeof asked === 'object') {
    const en = asked === 'rejected' ? 'no rule' : 'failed' in asked ? asked.failed.en : `method ${asked.other}`;
    const zh =
      asked === 'rejected' ? '没有匹配的规则' : 'failed' in asked ? asked.failed.zh : `认证方式 ${asked.other}`;
    reasons.push({
      en: `From outside the server did not ask for a password: ${en}.`,
      zh: `从外部连接时, PostgreSQL 没有要求密码: ${zh}.`,
    });
  }
  if (login === 'yes') {
    reasons.push({
      en: 'A login with a wrong password succeeded from the network of the containers.',
      zh: '在容器网络内使用错误密码也登录成功.',
    });
  } else if (login !== 'wrong-password') {
    reasons.push({
      en: `A login with a wrong password could not be tried: ${login.error}`,
      zh: `无法用错误密码验证登录: ${login.error}`,
    });
  }
  return reasons;
}

function asLine(rule: HbaRule): string {
  const mask = rule.netmask ? ` ${rule.netmask}` : '';
  return printable(
    `${rule.type} ${rule.database.join(',')} ${rule.user.join(',')} ${rule.address ?? ''}${mask} ${rule.method}`,
  );
}
