import { allOrAbort, firstAbort } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import { archiveVolume } from '../../domain/backup/volume-archive.ts';
import { keepUserdata } from '../../domain/replacement/app-container.ts';
import { savingUserdata } from '../../domain/replacement/steps.ts';
import type { TriedImage } from '../../domain/replacement/try-start.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { databaseOf, databaseVolume, type ServiceRole } from '../../domain/stack/stack.ts';
import { type BackupOutcome, backupEvidence, backupSeconds } from './backup.ts';
import type { Rebuild } from './rebuild.ts';
import { restartStores, stopped, stopStore } from './stores.ts';

/** The dump that counts is taken when nothing writes any more; without a pending change the first one will do. */
export function finalBackupStep(rebuild: Rebuild): Step<BackupOutcome, [TriedImage]> | undefined {
  const { plan, facts } = rebuild;
  const { postgres, redis } = facts.stack.services;
  const deleting = plan.deletes.length > 0;
  if (!plan.backup && !deleting) return undefined;
  const all = deleting && plan.backup;
  return {
    id: 'final-backup',
    title: deleting
      ? {
          en: 'Back up everything again now that nothing writes: the backup that counts',
          zh: '应用停止写入后再次完整备份 (以此份为准)',
        }
      : { en: 'Back up again if a migration is pending', zh: '存在待执行迁移时, 再次备份' },
    risk: all ? 'interrupts' : 'none',
    commands: all
      ? [
          {
            en: `as in backup; docker stop ${postgres.key} as soon as it is read`,
            zh: `同备份步骤; 读取完毕立即 docker stop ${postgres.key}`,
          },
          ...savingUserdata(rebuild),
          {
            en: `docker stop ${redis.key}; docker cp ${redis.key}:<its volume> - > volume.tar`,
            zh: `docker stop ${redis.key}; docker cp ${redis.key}:<其数据卷> - > volume.tar`,
          },
        ]
      : [{ en: 'as in backup', zh: '同备份步骤' }],
    ...(all && { wayBack: { en: 'both are started again', zh: '重新启动这两个服务' } }),
    ...backupSeconds(facts),
    run: (ops, tried) => backUpAgain(ops, rebuild, tried.head),
    evidence: backupEvidence,
    undo: (ops) => restartStores(ops, rebuild),
  };
}

/**
 * The backup that counts, now that the application writes no more. Needed when data will be deleted or migrated; otherwise the
 * first backup and the untouched volume are enough, and the outage stays short. What else a deletion takes is saved beside it, and
 * the stores are stopped as soon as they have been read: nothing is deleted before all of it is proved.
 */
async function backUpAgain(ops: Ops, rebuild: Rebuild, head: string): Promise<BackupOutcome> {
  const { facts, plan, database: db } = rebuild;
  const deleting = plan.deletes.length > 0;
  if (facts.database.kind === 'none') {
    await beside(ops, rebuild, async () => undefined); // Redis may have data all the same
    return { kind: 'not-needed', why: NO_DATABASE };
  }
  if (rebuild.backup === undefined || db === undefined || rebuild.wholeVolume) return archiveDatabase(ops, rebuild);
  if (!deleting) {
    const schema = rebuild.storesBefore?.schema ?? (await inspectSchema(ops, db));
    if (schema.kind === 'empty' || (schema.kind === 'versioned' && schema.revision === head)) {
      return { kind: 'not-needed', why: NOTHING_PENDING };
    }
  }
  const options = { reason: 'rebuild', commit: facts.app?.commit, warm: rebuild.throwaway };
  const whenRead = (inner: Ops) => stopStore(inner, rebuild, 'postgres', db.container);
  const saved = await beside(ops, rebuild, (inner) =>
    backupPg(inner, db, deleting ? { ...options, whenRead } : options),
  );
  rebuild.backup = saved;
  rebuild.final = true;
  return { kind: 'taken', saved };
}

/** Saves the database and, before a deletion, all else that goes with it. The first failure ends the others before it is thrown. */
async function beside<T>(ops: Ops, rebuild: Rebuild, saveDatabase: (ops: Ops) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const inner = { ...ops, signal: firstAbort(ops.signal, stop.signal) };
  const deleting = rebuild.plan.deletes.length > 0;
  const [saved] = await allOrAbort(stop, [
    saveDatabase(inner),
    ...(deleting ? [archiveOthers(inner, rebuild, STANDS), keepUserdata(inner, rebuild)] : []),
  ]);
  // The server of the database was needed until now.
  if (deleting) await archiveOthers(ops, rebuild, (role) => role === 'postgres');
  return saved;
}

/** The cold way: stop the server and copy its files, proved by a server that starts on a copy of the copy. */
async function archiveDatabase(ops: Ops, rebuild: Rebuild): Promise<BackupOutcome> {
  const { facts } = rebuild;
  const volume = databaseVolume(facts.volumes);
  if (volume === undefined) throw new Error('a database without a volume was to be archived');
  // What was seen of a server, and who is connected to it, counts only while it runs.
  rebuild.storesBefore = undefined;
  await rebuild.upgrade?.stop();
  rebuild.upgrade = undefined;
  const container = await stopped(ops, rebuild, 'postgres');
  const db = databaseOf(facts.stack, container, facts.volumes);
  const archive = await beside(ops, rebuild, (inner) =>
    archiveVolume(inner, container.id, {
      volume,
      mountPoint: volume.mountPoint,
      reason: 'rebuild',
      commit: facts.app?.commit,
      database: { user: db.user, name: db.name },
    }),
  );
  rebuild.backup = archive;
  rebuild.final = true;
  return { kind: 'taken', saved: archive };
}

const STANDS = (role: ServiceRole) => role !== 'postgres';

/** Cold copies of the volumes of these services that will be deleted, the database's own apart. */
async function archiveOthers(ops: Ops, rebuild: Rebuild, ofRole: (role: ServiceRole) => boolean): Promise<void> {
  const { plan, facts, archives } = rebuild;
  const database = databaseVolume(plan.deletes);
  for (const volume of plan.deletes.filter((v) => v !== database && ofRole(v.role))) {
    const container = await stopped(ops, rebuild, volume.role);
    const archive = await archiveVolume(ops, container.id, {
      volume,
      mountPoint: volume.mountPoint,
      reason: 'rebuild',
      commit: facts.app?.commit,
    });
    archives.set(volume.name, archive);
  }
}

const NO_DATABASE: Text = {
  en: 'there is no database yet; what else is deleted was saved',
  zh: '尚无数据库; 其他将被删除的数据已保存',
};

const NOTHING_PENDING: Text = {
  en: 'not needed: no migration is pending and the volume stays',
  zh: '不需要: 没有待执行的迁移, 数据卷保留',
};
