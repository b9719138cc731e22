import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { printable, type Text } from '../../core/text.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import { MIGRATION_NAME } from '../../domain/schema/flask-db.ts';
import { waitForLongTransactions } from '../../domain/schema/long-transactions.ts';
import { mayHaveChangedRows, rowsText } from '../../domain/schema/midway-rows.ts';
import { type Migrated, migrate, partlyMigrated } from '../../domain/schema/migrate.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { changesSince } from '../../domain/schema/schema-objects.ts';
import { identify, requireSameData } from '../../tools/postgres/identity.ts';
import { endSessions } from '../../tools/postgres/psql.ts';
import { type Checked, stagedOps } from './check.ts';
import type { Facts } from './facts.ts';
import type { UpdateOptions } from './options.ts';
import type { Progress } from './progress.ts';

/** How long a session that would block the migration is waited for. */
const PATIENCE_MS = 30_000;

/**
 * Backs up when a migration will follow, or when asked to; before that, waits for transactions that would block it.
 *
 * @throws {OpsError} `precondition` naming the session that goes on.
 */
export async function backUp(
  ops: Ops,
  facts: Facts,
  checked: Checked,
  progress: Progress,
  options: UpdateOptions,
): Promise<void> {
  const migrating = checked.schema === 'behind';
  if (migrating) await waitForLongTransactions(ops, facts.database, PATIENCE_MS);
  if (!migrating && options.backup === 'auto') return;
  progress.backup = await backupPg(ops, facts.database, { reason: 'update', commit: facts.running.commit });
}

/** Migrates with the staged code, while the old code serves. */
export async function migrateStaged(ops: Ops, facts: Facts, checked: Checked, progress: Progress): Promise<void> {
  if (checked.schema !== 'behind') return;
  // The survey was minutes ago, and the backup is of what is there now.
  requireSameData(facts.identity, await identify(ops, facts.database), { untouched: false });
  const { staging } = progress;
  const staged = stagedOps(ops, staging.tree);
  progress.migrated = await migrate(staged, facts.database, staging.container, {
    head: checked.head,
    schema: facts.schema,
    midway: facts.midway,
    noteSchema: (before) => {
      progress.schemaBefore = before;
    },
    noteFailure: (said) => {
      progress.upgradeSaid = said;
    },
  });
}

/**
 * Ends a migration that was interrupted: killing its client leaves it running in the server. What it committed stays, because production
 * writes on.
 *
 * @throws {OpsError} `needs-person` when that is a part of the migrations, or may be.
 */
export async function endMigration(ops: Ops, facts: Facts, { head }: Checked, progress: Progress): Promise<void> {
  const { database } = facts;
  await endSessions(ops, database, MIGRATION_NAME);
  const { schemaBefore, migrated } = progress;
  if (schemaBefore === undefined || migrated !== undefined) return;
  const stays = await changesSince(ops, database, schemaBefore);
  const now = stays.length > 0 ? await inspectSchema(ops, database) : undefined;
  if (now?.kind === 'versioned' && now.revision === head) return; // all of them
  if (stays.length > 0) throw halfWay(partlyMigrated(stays), stays, progress);
  const rows = mayHaveChangedRows(facts.midway, progress.upgradeSaid);
  if (rows.length > 0) throw halfWay(rowsText(rows), [], progress);
}

function halfWay(what: Text, stays: readonly string[], { backup }: Progress): OpsError {
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
        zh: '继续向前: 修正迁移, 使其能在当前结构上执行, 然后重新发布.',
      },
      ...(backup
        ? [
            {
              en: `Back: npx tsx scripts/restore-prod.ts ${backup.dir}   # loses what was written since ${at}`,
              zh: `回退: npx tsx scripts/restore-prod.ts ${backup.dir}   # 将丢失 ${at} 之后写入的数据`,
            },
          ]
        : []),
    ],
  });
}

export function backupEvidence({ backup }: Progress): Text {
  if (backup === undefined) return { en: 'not needed: no migration is pending', zh: '不需要: 没有待执行的迁移' };
  const tables = backup.manifest.contents.tables.length;
  return {
    en: `${backup.dir}; restored and compared: ${tables} tables`,
    zh: `${backup.dir}; 已恢复并比对: ${tables} 张表`,
  };
}

export function migrationEvidence(facts: Facts, checked: Checked, migrated: Migrated | undefined): Text {
  const from = facts.schema.kind === 'empty' ? '-' : facts.schema.revision;
  if (checked.schema === 'newer') {
    return {
      en: `${from} is newer than this release (${checked.head}) and stays; the release is tried on it next`,
      zh: `${from} 比该版本 (${checked.head}) 新, 保持不变; 下一步在其上试运行该版本`,
    };
  }
  if (migrated === undefined) return { en: `nothing to do: ${from}`, zh: `无需迁移: ${from}` };
  return {
    en: `${from} → ${migrated.to}, ${migrated.applied.length} migrations`,
    zh: `${from} → ${migrated.to}, 共 ${migrated.applied.length} 个迁移`,
  };
}
