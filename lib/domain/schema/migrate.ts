import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { commandFailed, type Reason, unmet } from '../../core/refusal.ts';
import { CommandError, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { withOpen } from '../../tools/files/durable.ts';
import type { Blocker } from '../../tools/postgres/blocker.ts';
import { type Database, endSessions, PGOPTIONS, pgExec, psql } from '../../tools/postgres/psql.ts';
import { withoutDetails } from '../../tools/postgres/server-errors.ts';
import type { MidwayFile } from '../stack/deployment.ts';
import { isLockTimeout, isUnknownRevision, MIGRATION_NAME, stamp } from './flask-db.ts';
import { watchBlockers } from './long-transactions.ts';
import { mayHaveChangedRows, rowsText } from './midway-rows.ts';
import { inspectSchema, type Schema } from './revision.ts';
import { changesSince, type SchemaObjects, schemaObjects } from './schema-objects.ts';
import { loadUpgrade, type Upgrade } from './upgrade.ts';

const SEED_MS = 120_000;
const SHOWN = 12;

export interface MigrateOptions {
  /** The newest revision of the code's migrations. */
  readonly head: string;
  /** What `inspectSchema` said, if nothing could change since. */
  readonly schema?: Schema;
  /** Told what the schema is made of before anything is run that could change more of it than its stamp. */
  readonly noteSchema?: (before: SchemaObjects) => void;
  /** With the application loaded, or being loaded; default: it is loaded now. */
  readonly upgrade?: Upgrade | undefined;
  /** Files by which it commits on its way. */
  readonly midway?: readonly MidwayFile[];
  /** Told what an upgrade said that failed. */
  readonly noteFailure?: (said: string) => void;
}

export interface Migrated {
  /** `undefined` for an empty database. */
  readonly from: string | undefined;
  readonly to: string;
  /** True when `from` was inferred from the tables and had to be stamped. */
  readonly stamped: boolean;
  /** Revisions in the order in which they were applied, as far as Alembic said. */
  readonly applied: readonly string[];
}

/**
 * Brings the schema to the newest revision that the image knows: an empty database is created, a stamped one upgraded, one
 * without a stamp stamped with what its tables show and upgraded. The database itself is asked afterwards, over its own
 * socket: the application may be configured for another one.
 *
 * The upgrade is one transaction unless its migrations say otherwise; after a failure the schema itself tells what stays. A stamp that
 * was inferred stays, because it is right.
 *
 * @param container a running container of the new image, with the application's environment and network.
 * @throws {OpsError} `precondition` when nothing was tried; `command` or `deadline` with the revision as it is now.
 */
export async function migrate(ops: Ops, db: Database, container: string, options: MigrateOptions): Promise<Migrated> {
  const { head, schema = await inspectSchema(ops, db) } = options;
  const [wrong] = wrongStamp(schema);
  if (wrong) throw unmet(wrong.text, wrong.fix);
  const from = schema.kind === 'empty' ? undefined : schema.revision;
  const stamped = schema.kind === 'unversioned';
  if (from === head && !stamped) return { from, to: head, stamped, applied: [] };
  const upgrade = options.upgrade ?? loadUpgrade(ops, container);
  let applied: string[];
  try {
    await upgrade.loaded();
    if (stamped) await stamp(ops, container, schema.revision);
    const before = await schemaObjects(ops, db); // with the stamp, which stays
    options.noteSchema?.(before);
    applied = await go(ops, db, upgrade, { ...options, before });
  } finally {
    await upgrade.stop();
  }
  const now = await inspectSchema(ops, db);
  if (now.kind !== 'versioned' || now.revision !== head) throw elsewhere(now, head);
  return { from, to: head, stamped, applied };
}

type Going = Pick<MigrateOptions, 'midway' | 'noteFailure'> & { readonly before: SchemaObjects };

/** @returns the revisions that were applied. @throws {OpsError} with what stays of those that failed. */
async function go(ops: Ops, db: Database, upgrade: Upgrade, { before, midway, noteFailure }: Going): Promise<string[]> {
  const blockers = watchBlockers(ops, db);
  try {
    const output = await upgrade.go();
    // Alembic logs one line a revision: `Running upgrade 1 -> 2, what it does`.
    return [...output.matchAll(/Running upgrade .*?-> ([^\s,]+)/g)].map((m) => m[1] as string);
  } catch (error) {
    const said = error instanceof CommandError ? `${error.output.stdout}\n${error.output.stderr}` : undefined;
    if (said !== undefined) noteFailure?.(said);
    ops.signal.throwIfAborted();
    // Its backend would go on waiting for a lock, with everybody else behind it.
    if (error instanceof OpsError && error.kind === 'deadline') await endSessions(ops, db, MIGRATION_NAME);
    const state = await stateNow(ops, db, before, mayHaveChangedRows(midway ?? [], said));
    throw upgradeFailed(db, error, await blockers.stop(), state);
  } finally {
    await blockers.stop();
  }
}

/**
 * Runs a file of SQL in the database, whole or not at all.
 *
 * @param file absolute, on this machine.
 * @throws {CommandError} with the first SQL error.
 */
export async function seed(ops: Ops, db: Database, file: string): Promise<void> {
  // The end of `docker exec` would leave a statement running; the server's own limit comes before it.
  const env = { PGOPTIONS: `${PGOPTIONS} -c statement_timeout=${SEED_MS - 10_000}` };
  const limits = { env, deadlineMs: SEED_MS, shownErrors: withoutDetails };
  await withOpen(file, (stdinFd) =>
    run(ops, pgExec('change', db, [...psql(db), '-1', '-f', '-'], { stdinFd, ...limits })),
  );
}

function upgradeFailed(db: Database, error: unknown, blockers: readonly Blocker[], state: Text): OpsError {
  const cause = whatHappened(error);
  const kind = error instanceof OpsError && error.kind === 'deadline' ? 'deadline' : 'command';
  if (isUnknownRevision(error)) {
    return new OpsError({
      kind,
      what: {
        en: `The database was migrated by a newer release than this image: the image does not know its revision.\n${cause.en}`,
        zh: `数据库由更新的版本迁移过, 当前镜像中没有该结构版本.\n${cause.zh}`,
      },
      state,
      next: [
        {
          en: 'Deploy the release that wrote it, or a newer one; or restore a backup from before that migration.',
          zh: '请部署写入该数据库的版本或更新的版本; 或者恢复该次迁移之前的备份.',
        },
      ],
      cause: error,
    });
  }
  if (!isLockTimeout(error)) return new OpsError({ kind, what: cause, state, next: [lookAtHistory(db)], cause: error });
  const list = blockers.map((b) => `\n  - ${b.description}`).join('') || '\n  - ?';
  return new OpsError({
    kind,
    what: {
      en: `The migration waited for a lock that another session holds, and gave up so as not to block everybody else:${list}`,
      zh: `迁移等待的锁被其他会话占用, 为避免阻塞所有访问已放弃:${list}`,
    },
    state,
    next: [
      {
        en: 'Let that session finish (a backup, a report), or end it, then run this script again.',
        zh: '请等待该会话结束 (例如备份或报表), 或将其终止, 然后重新运行本脚本.',
      },
    ],
    cause: error,
  });
}

const lookAtHistory = (db: Database): Text => {
  const sql = `docker exec ${db.container.name} psql -U ${db.user} -d ${db.name} -c 'SELECT version_num FROM alembic_version'`;
  return {
    en: `Running it again will not help: correct the migration in the repository. Where the database is: ${sql}`,
    zh: `重复执行不会成功, 请在代码仓库中修正该迁移. 查看数据库当前版本: ${sql}`,
  };
};

/** @param rows files that may have changed rows. */
async function stateNow(ops: Ops, db: Database, before: SchemaObjects, rows: readonly string[]): Promise<Text> {
  const now = await inspectSchema(ops, db).catch(() => undefined);
  const stays = await changesSince(ops, db, before).catch(() => undefined);
  if (stays !== undefined && stays.length > 0) return partlyMigrated(stays);
  if (stays !== undefined && rows.length > 0) return rowsText(rows);
  if (now?.kind === 'versioned') {
    return {
      en: `The database is at revision ${now.revision}, its schema as before: the migration was taken back whole.`,
      zh: `数据库处于 revision ${now.revision}, 结构与之前一致: 迁移已整体回滚.`,
    };
  }
  if (now?.kind === 'empty') return { en: 'The database is still empty.', zh: '数据库仍为空.' };
  return { en: 'The state of the schema is not clear.', zh: '当前数据库结构的状态不明确.' };
}

/** @param stays names of what is not as it was. */
export function partlyMigrated(stays: readonly string[]): Text {
  const list = `${stays.slice(0, SHOWN).map(printable).join(', ')}${stays.length > SHOWN ? `, … (${stays.length})` : ''}`;
  return {
    en: `The migrations commit on their way, so a part of them stays although they failed: ${list}.`,
    zh: `迁移过程中途提交, 失败后仍有部分改动保留: ${list}.`,
  };
}

/** Why a database can't be migrated whose stamp is too low. */
export function wrongStamp(schema: Schema): Reason[] {
  if (schema.kind !== 'versioned' || schema.looksLike === undefined) return [];
  const { revision, looksLike } = schema;
  return [
    {
      text: {
        en: `The database is stamped ${revision}, but its tables are already those of ${looksLike}: an upgrade would fail on what is there.`,
        zh: `数据库标记的 revision 为 ${revision}, 但表结构已是 ${looksLike} 的: 直接升级会因对象已存在而失败.`,
      },
      fix: {
        en: `If you know of no change made by hand, correct the stamp: flask --app app:create_app db stamp ${looksLike}. Then run this script again.`,
        zh: `如果确认没有手工改过表结构, 请更正标记: flask --app app:create_app db stamp ${looksLike}, 然后重新运行本脚本.`,
      },
    },
  ];
}

function elsewhere(now: Schema, head: string): OpsError {
  const found = now.kind === 'versioned' ? now.revision : now.kind;
  return commandFailed({
    en: `The upgrade to ${head} ended well, but this database is at: ${found}. The application may be configured for another database (DATABASE_URL).`,
    zh: `升级到 ${head} 的命令成功结束, 但当前数据库的状态为: ${found}. 应用可能连接到了另一个数据库 (DATABASE_URL).`,
  });
}

export function migrationEvidence(migrated: Migrated): Text {
  const { from, to, applied } = migrated;
  if (from === to) return { en: `already at ${to}`, zh: `已是最新版本 ${to}` };
  return {
    en: `${from ?? 'empty'} → ${to}${applied.length > 0 ? `, ${applied.length} migrations` : ''}`,
    zh: `${from ?? '空库'} → ${to}${applied.length > 0 ? `, 共 ${applied.length} 个迁移` : ''}`,
  };
}
