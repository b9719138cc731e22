import { allEnded } from '../../core/concurrency.ts';
import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import { readRevisions } from '../../domain/app/revisions.ts';
import { contentsText } from '../../domain/backup/messages.ts';
import { checkFiles } from '../../domain/backup/verify.ts';
import { restoreDatabase } from '../../domain/data/restore.ts';
import { type Migrated, migrate, migrationEvidence } from '../../domain/schema/migrate.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { discardContainer } from '../../tools/docker/helpers.ts';
import { watchLocks } from '../../tools/postgres/longest-lock.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { refuseWithoutServerDisk } from '../../tools/postgres/server-disk.ts';
import { namesOf, startApp, startStores } from './containers.ts';
import { backupFailed, migrationFailed, olderThanSchema } from './errors.ts';
import type { Rehearsal } from './facts.ts';
import { limitFlags } from './limits.ts';

/** Starts the two stores, and meanwhile reads the backup's files to their end. */
export function storesStep(rehearsal: Rehearsal): Step<Database> {
  const { backup, limits, stack } = rehearsal.facts;
  const { postgres, redis } = stack.services;
  return {
    id: 'stores',
    title: {
      en: 'Start an empty PostgreSQL and Redis in a network of their own',
      zh: '在独立隔离网络中启动空的 PostgreSQL 和 Redis',
    },
    risk: 'none',
    commands: [
      'docker network create --internal -o …inhibit_ipv4=true <drill>',
      `docker run --network <drill> ${limitFlags(limits).join(' ')} <${postgres.key}, ${redis.key}>`,
    ],
    async run(ops) {
      const [database] = await allEnded([startStores(ops, rehearsal), checkFiles(backup).catch(throwBackupFailed)]);
      await refuseWithoutServerDisk(ops, database, backup.manifest.databaseBytes);
      return database;
    },
  };
}

/** Restores the backup and compares it, table by table. */
export function restoreStep(rehearsal: Rehearsal): Step<void, [Database]> {
  const { backup } = rehearsal.facts;
  return {
    id: 'restore',
    title: { en: 'Restore the backup and compare every table', zh: '恢复备份并逐表比对' },
    risk: 'none',
    commands: [{ en: 'pg_restore; compare every table', zh: 'pg_restore; 逐表比对' }],
    async run(ops, database) {
      const started = ops.clock.monotonic();
      await restoreDatabase(ops, database, backup, { roles: 'saved', inPlace: true }).catch(throwBackupFailed);
      rehearsal.restoreMs = since(ops, started);
    },
    evidence() {
      const rate = throughput(backup.manifest.databaseBytes, rehearsal.restoreMs ?? 0);
      const { en, zh } = contentsText(backup.manifest);
      return { en: `${en}, every one compared; ${rate}/s`, zh: `${zh}, 已逐项比对; ${rate}/s` };
    },
  };
}

const throwBackupFailed = (error: unknown): never => {
  throw backupFailed(error);
};

export const migrateStep = (rehearsal: Rehearsal): Step<Migrated, [Database, string]> => ({
  id: 'migrate',
  title: { en: 'Run the migrations of the code', zh: '执行该版本的数据库迁移' },
  risk: 'none',
  commands: ['flask db upgrade'],
  run: (ops, database, imageId) => migrateRestored(ops, rehearsal, database, imageId),
  evidence: migrationEvidence,
});

/** Runs what migrations the code has beyond the backup, and watches which locks they hold. */
async function migrateRestored(ops: Ops, rehearsal: Rehearsal, database: Database, imageId: string): Promise<Migrated> {
  const started = ops.clock.monotonic();
  let older: OpsError | undefined;
  let migrated: Migrated;
  try {
    const oneOff = await startApp(ops, rehearsal, { role: 'oneOff', imageId, argv: ['sleep', '86400'] });
    const schema = await inspectSchema(ops, database);
    const former = schema.kind === 'versioned' ? schema.revision : undefined;
    const { head, known } = await readRevisions(ops, oneOff.id, ops.target.app.root, former);
    older = former !== undefined && !known ? olderThanSchema(former, head) : undefined;
    if (older) throw older;
    const locks = watchLocks(ops, database);
    try {
      migrated = await migrate(ops, database, oneOff.id, { head, schema });
      rehearsal.migrated = migrated;
    } finally {
      rehearsal.longestLock = await locks.stop();
    }
  } catch (error) {
    throw older ?? migrationFailed(error);
  }
  await discardContainer(ops, namesOf(ops, rehearsal.facts.stack.project).oneOff);
  rehearsal.migrateMs = since(ops, started);
  return migrated;
}

/** `12.3 MB`, in a second. */
export function throughput(bytes: number, milliseconds: number): string {
  const rate = (bytes / Math.max(milliseconds, 1)) * 1000;
  return `${(rate / 1e6).toFixed(1)} MB`;
}

export const since = (ops: Ops, started: number) => Math.round(ops.clock.monotonic() - started);
