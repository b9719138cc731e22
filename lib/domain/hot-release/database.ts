import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { throwIfAny } from '../../core/refusal.ts';
import type { Step } from '../../core/step.ts';
import { given, printable, type Text } from '../../core/text.ts';
import { identify, requireSameData } from '../../tools/postgres/identity.ts';
import { endSessions } from '../../tools/postgres/psql.ts';
import { MIGRATION_NAME } from '../schema/flask-db.ts';
import { waitForLongTransactions } from '../schema/long-transactions.ts';
import { mayHaveChangedRows, rowsText } from '../schema/midway-rows.ts';
import { migrate, migrationEvidence, partlyMigrated, wrongStamp } from '../schema/migrate.ts';
import { inspectSchema } from '../schema/revision.ts';
import { changesSince } from '../schema/schema-objects.ts';
import { beginAhead } from './ahead.ts';
import { type Checked, stagedOps } from './check.ts';
import { migratesNothing } from './facts.ts';
import type { HotRelease } from './hot-release.ts';

export const backupStep = (update: HotRelease): Step<void, [Checked]> => ({
  id: 'backup',
  title:
    update.options.backup === 'always'
      ? { en: 'Back up the database and prove it by a restore', zh: '备份数据库, 并通过实际恢复验证' }
      : { en: 'Back up the database if a migration is pending', zh: '若有待执行的迁移, 先备份数据库并验证' },
  risk: 'none',
  commands: [{ en: 'pg_dump …; restored in a throwaway server and compared', zh: 'pg_dump …; 在临时实例中恢复并比对' }],
  run: (ops, checked) => backUp(ops, update, checked),
  evidence: () => backupEvidence(update),
});

/** Backs up when a migration will follow, or when asked to. @throws {OpsError} `precondition` naming a session that would block it. */
async function backUp(ops: Ops, update: HotRelease, { schema }: Checked): Promise<void> {
  const { ahead, facts, options } = update;
  const migrates = schema === 'behind';
  if (!migrates && options.backup === 'auto') return ahead?.stop();
  if (migrates && migratesNothing(facts)) {
    throwIfAny(wrongStamp(facts.schema));
    // Files did not tell that one comes, so nobody has waited for what would block it; our own dump is not to be waited for.
    await ahead?.backup;
    await waitForLongTransactions(ops, facts.database);
  }
  update.backup = await (ahead ?? beginAhead(ops, facts)).backup;
}

/** The old code goes on with the new schema; a migration that fails is taken back whole by the database, unless it commits on its way. */
export function migrateStep(update: HotRelease): Step<void, [Checked]> {
  const { app, midway } = update.facts;
  const id = app.id.slice(0, 12);
  const oneTransaction = midway.length === 0;
  return {
    id: 'migrate',
    title: { en: 'Migrate the schema to the newest revision', zh: '将数据库结构升级到最新版本' },
    risk: 'changes',
    commands: [
      {
        en: `docker exec ${id} flask db upgrade  # the staged code, lock_timeout${oneTransaction ? ', one transaction' : ''}`,
        zh: `docker exec ${id} flask db upgrade  # 使用已复制到容器的新代码, 设 lock_timeout${oneTransaction ? ', 单一事务' : ''}`,
      },
    ],
    wayBack: {
      en: 'the backup; the old code is checked on the new schema',
      zh: '备份; 并检查旧代码在新结构上是否正常',
    },
    run: (ops, checked) => migrateStaged(ops, update, checked),
    evidence: (_, checked) => evidenceOf(update, checked),
    undo: (ops, checked) => endMigration(ops, update, checked),
  };
}

/** Migrates with the staged code, while the old code serves. */
async function migrateStaged(ops: Ops, update: HotRelease, { schema, head }: Checked): Promise<void> {
  const { facts, staging, ahead } = update;
  if (schema !== 'behind') return ahead?.upgrade?.stop();
  // The survey was minutes ago, and the backup is of what is there now.
  requireSameData(facts.identity, await identify(ops, facts.database), { untouched: false });
  const staged = stagedOps(ops, staging.tree);
  update.migrated = await migrate(staged, facts.database, staging.container, {
    head,
    schema: facts.schema,
    upgrade: ahead?.upgrade,
    midway: facts.midway,
    noteSchema: (before) => {
      update.schemaBefore = before;
    },
    noteFailure: (said) => {
      update.upgradeSaid = said;
    },
  });
}

/**
 * Ends a migration that was interrupted: killing its client leaves it running in the server. What it committed stays, because production
 * writes on.
 *
 * @throws {OpsError} `needs-person` when that is a part of the migrations, or may be.
 */
async function endMigration(ops: Ops, update: HotRelease, { head }: Checked): Promise<void> {
  const { facts, schemaBefore, migrated } = update;
  const { database } = facts;
  await endSessions(ops, database, MIGRATION_NAME);
  if (schemaBefore === undefined || migrated !== undefined) return;
  const stays = await changesSince(ops, database, schemaBefore);
  const now = stays.length > 0 ? await inspectSchema(ops, database) : undefined;
  if (now?.kind === 'versioned' && now.revision === head) return; // all of them
  if (stays.length > 0) throw halfWay(partlyMigrated(stays), stays, update);
  const rows = mayHaveChangedRows(facts.midway, update.upgradeSaid);
  if (rows.length > 0) throw halfWay(rowsText(rows), [], update);
}

function halfWay(what: Text, stays: readonly string[], { backup }: HotRelease): OpsError {
  const at = backup?.manifest.createdAt ?? '?';
  const invalid = stays.filter((name) => name.startsWith('invalid index ')).map((name) => printable(name.slice(14)));
  return new OpsError({
    kind: 'needs-person',
    what,
    next: [
      ...invalid.map((name): Text => {
        const drop = `DROP INDEX CONCURRENTLY ${name};`;
        return {
          en: `An index that was not built to its end only costs; in psql: ${drop}`,
          zh: `未建完的索引只会增加开销, 可在 psql 中删除: ${drop}`,
        };
      }),
      {
        en: 'Forward: correct the migration so that it begins from what is there now, and release again.',
        zh: '向前修复: 修正迁移, 使其能在当前结构上执行, 然后重新发布.',
      },
      ...given(backup, ({ dir }) => ({
        en: `Back: npx tsx scripts/restore-prod.ts ${dir}   # loses what was written since ${at}`,
        zh: `回退: npx tsx scripts/restore-prod.ts ${dir}   # 将丢失 ${at} 之后写入的数据`,
      })),
    ],
  });
}

function backupEvidence({ backup }: HotRelease): Text {
  if (backup === undefined) return { en: 'not needed: no migration is pending', zh: '不需要: 没有待执行的迁移' };
  const tables = backup.manifest.contents.tables.length;
  return {
    en: `${backup.dir}; restored and compared: ${tables} tables`,
    zh: `${backup.dir}; 已恢复并比对: ${tables} 张表`,
  };
}

function evidenceOf({ facts, migrated }: HotRelease, checked: Checked): Text {
  const from = facts.schema.kind === 'empty' ? '-' : facts.schema.revision;
  if (checked.schema === 'newer') {
    return {
      en: `${from} is newer than this release (${checked.head}) and stays; the release is tried on it next`,
      zh: `${from} 比该版本 (${checked.head}) 新, 保持不变; 下一步在该结构上试运行该版本`,
    };
  }
  return migrated ? migrationEvidence(migrated) : { en: `nothing to do: ${from}`, zh: `无需迁移: ${from}` };
}
