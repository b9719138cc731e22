import { rmSync } from 'node:fs';
import { OpsError, whatHappened } from '../errors.ts';
import type { VerifiedArchive, VerifiedBackup } from '../guard/saved.ts';
import { up, upNoStart } from '../host/compose.ts';
import { start, stop } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';
import { backupPg } from '../postgres/backup.ts';
import { waitForPostgres } from '../postgres/ready.ts';
import { inspectSchema } from '../postgres/revision.ts';
import { startThrowaway } from '../postgres/throwaway.ts';
import { archiveVolume } from '../postgres/volume-archive.ts';
import { bytes } from '../runbook/terminal.ts';
import { findContainers, findVolumes } from '../target/containers.ts';
import type { Container, Database, ServiceRole } from '../target/stack.ts';
import { printable, type Text } from '../text.ts';
import { databaseOf } from './database.ts';
import type { Facts } from './facts.ts';
import { removeOneOff } from './one-off.ts';
import type { RebuildPlan } from './plan.ts';
import type { PutAside } from './put-aside.ts';

const READY_MS = 60_000;
/** PostgreSQL and Redis write out what they have; killed, they would have to recover. */
const STORE_GRACE_SECONDS = 60;

/** What a backup step came to: a backup, or why there is none yet. */
export type BackupOutcome =
  | { readonly kind: 'taken'; readonly saved: VerifiedBackup | VerifiedArchive }
  /** Its files must be copied when the server is stopped. */
  | { readonly kind: 'not-dumpable'; readonly why: Text }
  | { readonly kind: 'not-needed'; readonly why: Text };

/**
 * Backs up the database while the application goes on, and proves it by a restore. A server that does not run is started first. One
 * that can't be dumped, or that holds other databases too and is to be deleted, has its files archived once production is stopped.
 */
export async function backUp(
  ops: Ops,
  facts: Facts,
  plan: RebuildPlan,
  aside: PutAside,
  head: string,
): Promise<BackupOutcome> {
  try {
    const db = await runningDatabase(ops, facts);
    aside.backup = await backupPg(ops, db, { reason: 'rebuild', commit: facts.app?.commit });
    if (plan.deletes.length > 0 && aside.backup.leavesOut.length > 0) {
      aside.wholeVolume = true;
      ops.screen.show({ event: 'warning', text: otherDatabases(aside.backup.leavesOut) });
      return { kind: 'taken', saved: aside.backup };
    }
    const revision = facts.database.kind === 'running' ? facts.database.revision : undefined;
    if (plan.deletes.length > 0 || revision !== head) {
      // The next verification will be part of the outage: its server had better be there already.
      const { databaseBytes } = aside.backup.manifest;
      aside.throwaway = await startThrowaway(ops, { imageId: db.container.imageId, databaseSize: databaseBytes });
    }
    return { kind: 'taken', saved: aside.backup };
  } catch (error) {
    if (!(error instanceof OpsError) || (error.kind !== 'command' && error.kind !== 'deadline')) throw error;
    ops.screen.show({ event: 'warning', text: error.what });
    return { kind: 'not-dumpable', why: whatHappened(error) };
  }
}

/**
 * The backup that counts, now that the application writes no more. Needed when data will be deleted or migrated; otherwise the
 * first backup and the untouched volume are enough, and the outage stays short. The other stores are archived beside it.
 */
export async function backUpAgain(
  ops: Ops,
  facts: Facts,
  plan: RebuildPlan,
  aside: PutAside,
  head: string,
): Promise<BackupOutcome> {
  const deleting = plan.deletes.length > 0;
  if (aside.backup === undefined || aside.wholeVolume) return archiveDatabase(ops, facts, plan, aside);
  const db = aside.beforehand?.stores.database ?? (await runningDatabase(ops, facts));
  if (!deleting) {
    const schema = aside.beforehand?.schema ?? (await inspectSchema(ops, db));
    if (schema.kind === 'empty' || (schema.kind === 'versioned' && schema.revision === head)) {
      return { kind: 'not-needed', why: NOTHING_PENDING };
    }
  }
  const [backup] = await Promise.all([
    backupPg(ops, db, { reason: 'rebuild', commit: facts.app?.commit, warm: aside.throwaway }),
    deleting ? archiveOthers(ops, facts, plan, aside) : undefined,
  ]);
  aside.backup = backup;
  aside.final = true;
  return { kind: 'taken', saved: backup };
}

/** The cold way: stop the server and copy its files, proved by a server that starts on a copy of the copy. */
async function archiveDatabase(ops: Ops, facts: Facts, plan: RebuildPlan, aside: PutAside): Promise<BackupOutcome> {
  const volume = facts.volumes.find((v) => v.role === 'postgres');
  if (volume === undefined) throw new Error('a database without a volume was to be archived');
  aside.beforehand = undefined; // what was seen of a server counts only while it runs
  const container = await stopped(ops, facts, aside, 'postgres');
  const db = databaseOf(facts.stack, container, facts.volumes);
  const [archive] = await Promise.all([
    archiveVolume(ops, container.id, {
      volume,
      mountPoint: volume.mountPoint,
      reason: 'rebuild',
      commit: facts.app?.commit,
      database: { user: db.user, name: db.name },
    }),
    plan.deletes.length > 0 ? archiveOthers(ops, facts, plan, aside) : undefined,
  ]);
  aside.backup = archive;
  aside.final = true;
  return { kind: 'taken', saved: archive };
}

/** Cold copies of every volume but the database's that will be deleted. */
async function archiveOthers(ops: Ops, facts: Facts, plan: RebuildPlan, aside: PutAside): Promise<void> {
  for (const volume of plan.deletes.filter((v) => v.role !== 'postgres')) {
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

/** A service's container, not running; made if there is none, because only a container gives access to a volume's files. */
async function stopped(ops: Ops, facts: Facts, aside: PutAside, role: ServiceRole): Promise<Container> {
  const { key } = facts.stack.services[role];
  aside.stoppedStores = new Set([...(aside.stoppedStores ?? []), role]);
  const present = (await findContainers(ops, facts.stack))[role];
  if (present) await run(ops, stop(present.id, STORE_GRACE_SECONDS));
  else await run(ops, upNoStart(ops.target, [key]));
  const container = (await findContainers(ops, facts.stack))[role];
  if (container === undefined) throw new Error(`compose made no container for ${key}`);
  return container;
}

async function runningDatabase(ops: Ops, facts: Facts): Promise<Database> {
  let { postgres } = await findContainers(ops, facts.stack);
  if (postgres?.state !== 'running') {
    await run(ops, up(ops.target, [facts.stack.services.postgres.key]));
    ({ postgres } = await findContainers(ops, facts.stack));
  }
  if (postgres === undefined) throw new Error('compose started no container for the database');
  const db = databaseOf(facts.stack, postgres, await findVolumes(ops, facts.stack));
  if (facts.containers.postgres?.state !== 'running') await waitForPostgres(ops, db, READY_MS);
  return db;
}

/** Starts again what the cold copies needed stopped, as far as it is still there. */
export async function restartStores(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  const now = await findContainers(ops, facts.stack);
  for (const role of ['postgres', 'redis'] as const) {
    const [before, present] = [facts.containers[role], now[role]];
    if (before?.state !== 'running' || present?.id !== before.id || !aside.stoppedStores?.has(role)) continue;
    await run(ops, stop(present.id, STORE_GRACE_SECONDS)); // to the end of a stop that is under way
    await run(ops, start(present.id));
  }
}

/** Removes the containers that only this run needed. */
export async function discardHelpers(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  await Promise.all([aside.throwaway?.remove(), removeOneOff(ops, facts)]);
  if (aside.prepared) rmSync(aside.prepared.file, { force: true });
  aside.throwaway = undefined;
}

export function backupEvidence(outcome: BackupOutcome): Text {
  if (outcome.kind === 'not-needed') return outcome.why;
  if (outcome.kind === 'not-dumpable') return NOT_DUMPABLE;
  const { saved } = outcome;
  const { manifest } = saved;
  const size = bytes(Object.values(manifest.files).reduce((sum, f) => sum + f.size, 0));
  if (manifest.kind === 'volume') {
    return { en: `${saved.dir}, ${size}, a server started on a copy`, zh: `${saved.dir}, ${size}, 已在副本上启动验证` };
  }
  const { tables } = manifest.contents;
  const rows = tables.reduce((sum, t) => sum + t.rows, 0);
  return {
    en: `${saved.dir}, ${size}; restored and compared: ${tables.length} tables, ${rows} rows`,
    zh: `${saved.dir}, ${size}; 已恢复并比对: ${tables.length} 张表, ${rows} 行`,
  };
}

const otherDatabases = (names: readonly string[]): Text => ({
  en: `The volume also holds ${names.map(printable).join(', ')}: all its files will be archived before it is deleted.`,
  zh: `该卷中还有其他数据库 ${names.map(printable).join(', ')}: 删除前将归档整个卷的文件.`,
});

const NOTHING_PENDING: Text = {
  en: 'not needed: no migration is pending and the volume stays',
  zh: '不需要: 没有待执行的迁移, 数据卷保留',
};

const NOT_DUMPABLE: Text = {
  en: 'it can not be dumped; its files will be archived once it is stopped',
  zh: '无法导出; 停止后将归档其数据文件',
};
