import { together } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import { archiveVolume } from '../../domain/backup/volume-archive.ts';
import { keepUserdata } from '../../domain/replacement/app-container.ts';
import type { PutAside } from '../../domain/replacement/state.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { databaseOf, databaseVolume } from '../../domain/stack/database.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import type { BackupOutcome } from './backup-steps.ts';
import type { RebuildPlan } from './plan.ts';
import { stopped, stopStore } from './stop-stores.ts';

/**
 * The backup that counts, now that the application writes no more. Needed when data will be deleted or migrated; otherwise the
 * first backup and the untouched volume are enough, and the outage stays short. What else a deletion takes is saved beside it, and
 * the stores are stopped as soon as they have been read: nothing is deleted before all of it is proved.
 */
export async function backUpAgain(
  ops: Ops,
  facts: Facts,
  plan: RebuildPlan,
  aside: PutAside,
  head: string,
): Promise<BackupOutcome> {
  const deleting = plan.deletes.length > 0;
  const { database: db } = aside;
  if (facts.database.kind === 'none') {
    await beside(ops, facts, plan, aside, async () => undefined); // Redis may have data all the same
    return { kind: 'not-needed', why: NO_DATABASE };
  }
  if (aside.backup === undefined || db === undefined || aside.wholeVolume) {
    return archiveDatabase(ops, facts, plan, aside);
  }
  if (!deleting) {
    const schema = aside.beforehand?.schema ?? (await inspectSchema(ops, db));
    if (schema.kind === 'empty' || (schema.kind === 'versioned' && schema.revision === head)) {
      return { kind: 'not-needed', why: NOTHING_PENDING };
    }
  }
  const options = { reason: 'rebuild', commit: facts.app?.commit, warm: aside.throwaway };
  const whenRead = (inner: Ops) => stopStore(inner, aside, 'postgres', db.container);
  const saved = await beside(ops, facts, plan, aside, (inner) =>
    backupPg(inner, db, deleting ? { ...options, whenRead } : options),
  );
  aside.backup = saved;
  aside.final = true;
  return { kind: 'taken', saved };
}

/** Saves the database and, before a deletion, all else that goes with it. The first failure ends the others before it is thrown. */
async function beside<T>(
  ops: Ops,
  facts: Facts,
  plan: RebuildPlan,
  aside: PutAside,
  saveDatabase: (ops: Ops) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const inner = { ...ops, signal: AbortSignal.any([ops.signal, stop.signal]) };
  const deleting = plan.deletes.length > 0;
  const [saved] = await together(stop, [
    saveDatabase(inner),
    ...(deleting ? [archiveOthers(inner, facts, plan, aside, STANDS), keepUserdata(inner, facts, aside)] : []),
  ]);
  // The server of the database was needed until now.
  if (deleting) await archiveOthers(ops, facts, plan, aside, (role) => role === 'postgres');
  return saved;
}

/** The cold way: stop the server and copy its files, proved by a server that starts on a copy of the copy. */
async function archiveDatabase(ops: Ops, facts: Facts, plan: RebuildPlan, aside: PutAside): Promise<BackupOutcome> {
  const volume = databaseVolume(facts.volumes);
  if (volume === undefined) throw new Error('a database without a volume was to be archived');
  aside.beforehand = undefined; // what was seen of a server counts only while it runs
  const container = await stopped(ops, facts, aside, 'postgres');
  const db = databaseOf(facts.stack, container, facts.volumes);
  const archive = await beside(ops, facts, plan, aside, (inner) =>
    archiveVolume(inner, container.id, {
      volume,
      mountPoint: volume.mountPoint,
      reason: 'rebuild',
      commit: facts.app?.commit,
      database: { user: db.user, name: db.name },
    }),
  );
  aside.backup = archive;
  aside.final = true;
  return { kind: 'taken', saved: archive };
}

const STANDS = (role: ServiceRole) => role !== 'postgres';

/** Cold copies of the volumes of these services that will be deleted, the database's own apart. */
async function archiveOthers(
  ops: Ops,
  facts: Facts,
  plan: RebuildPlan,
  aside: PutAside,
  ofRole: (role: ServiceRole) => boolean,
): Promise<void> {
  const database = databaseVolume(plan.deletes);
  for (const volume of plan.deletes.filter((v) => v !== database && ofRole(v.role))) {
    const container = await stopped(ops, facts, aside, volume.role);
    const archive = await archiveVolume(ops, container.id, {
      volume,
      mountPoint: volume.mountPoint,
      reason: 'rebuild',
      commit: facts.app?.commit,
    });
    aside.archives.set(volume.name, archive);
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
