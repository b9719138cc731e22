import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { commandFailed } from '../../core/refusal.ts';
import type { Step } from '../../core/step.ts';
import { printable } from '../../core/text.ts';
import { restoreDatabase } from '../../domain/data/restore.ts';
import { noteMove } from '../../domain/ledger/moved-data.ts';
import { removeOneOff, type TriedImage } from '../../domain/replacement/try-start.ts';
import { MIGRATION_NAME } from '../../domain/schema/flask-db.ts';
import { type Migrated, type MigrateOptions, migrate, migrationEvidence, seed } from '../../domain/schema/migrate.ts';
import { changesSince } from '../../domain/schema/schema-objects.ts';
import { findContainers, findVolumes } from '../../domain/stack/containers.ts';
import { databaseOf } from '../../domain/stack/stack.ts';
import { type Database, endSessions } from '../../tools/postgres/psql.ts';
import type { Rebuild, Started } from './rebuild.ts';
import { bringBackStores, startStores } from './stores.ts';

export const migrateStep = (rebuild: Rebuild): Step<Migrated, [Started, TriedImage]> => ({
  id: 'migrate',
  title: { en: 'Migrate the schema to the newest revision', zh: '将数据库结构升级到最新版本' },
  risk: 'none',
  commands: [
    'docker exec <one-off> flask db upgrade',
    {
      en: `psql < ${rebuild.target.seed}  # only when the database was empty`,
      zh: `psql < ${rebuild.target.seed}  # 仅当数据库为空`,
    },
  ],
  wayBack: { en: 'the database is restored beside and swapped in', zh: '先恢复到另一个新库, 再交换名称' },
  run: (ops, { stores, schema }, tried) =>
    migrateAndSeed(ops, stores.database, tried, {
      schema,
      upgrade: rebuild.upgrade,
      midway: rebuild.facts.midway,
      noteSchema: (before) => {
        rebuild.schemaBefore = before;
        noteMove(ops, 'migrating');
      },
    }),
  evidence: migrationEvidence,
  undo: (ops) => bringBackSchema(ops, rebuild),
});

/** Migrates, and fills a database that was empty with the application's seed. */
export async function migrateAndSeed(
  ops: Ops,
  database: Database,
  tried: Pick<TriedImage, 'oneOff' | 'head'>,
  known: Pick<MigrateOptions, 'schema' | 'upgrade' | 'noteSchema' | 'midway'> = {},
): Promise<Migrated> {
  const migrated = await migrate(ops, database, tried.oneOff, { head: tried.head, ...known });
  const file = path.join(ops.target.dir, ops.target.seed);
  if (migrated.from === undefined && existsSync(file)) await seed(ops, database, file);
  return migrated;
}

/**
 * After a migration on kept data: the schema and rows of the backup, if anything changed since. A migration that was interrupted may
 * still run in its container and in the server: both ends are cut first.
 */
async function bringBackSchema(ops: Ops, rebuild: Rebuild): Promise<void> {
  const { facts, schemaBefore, backup } = rebuild;
  if (!(await removeOneOff(ops, facts))) throw mayStillMigrate();
  const { postgres } = await findContainers(ops, facts.stack);
  if (postgres?.state === 'running') {
    await endSessions(ops, databaseOf(facts.stack, postgres, await findVolumes(ops, facts.stack)), MIGRATION_NAME);
  }
  await bringBackStores(ops, rebuild);
  if (rebuild.removed || schemaBefore === undefined) return;
  // What was made in an empty database stays: the next run goes on from there.
  if (![...schemaBefore.keys()].some((name) => name.startsWith('table '))) return;
  const { database } = await startStores(ops, facts);
  const stays = await changesSince(ops, database, schemaBefore).catch(() => ['?']);
  // What commits on its way may have changed rows, and no schema tells.
  if (stays.length === 0 && facts.midway.length === 0) return;
  if (!rebuild.final || backup?.kind !== 'backup') throw schemaStays(stays, backup?.dir);
  await restoreDatabase(ops, database, backup);
}

const mayStillMigrate = () =>
  commandFailed({
    en: 'The container in which the migration ran could not be removed, so the migration may still go on.',
    zh: '执行迁移的容器未能删除, 迁移可能仍在进行.',
  });

/** @param dir of what was saved before, if anything was. */
const schemaStays = (stays: readonly string[], dir: string | undefined) => {
  const names = stays.slice(0, 12).map(printable).join(', ') || '-';
  return commandFailed({
    en: `The database was migrated and could not be dumped before, so its former schema was not put back (${names}).${dir ? ` Its files from before are in ${dir}.` : ''}`,
    zh: `数据库已被迁移, 且之前无法导出, 因此没有恢复原来的表结构 (${names}).${dir ? ` 迁移前的数据文件位于 ${dir}.` : ''}`,
  });
};
