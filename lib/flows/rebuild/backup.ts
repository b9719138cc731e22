import { rmSync } from 'node:fs';
import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import { humanBytes, printable, type Text } from '../../core/text.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import { contentsText, sizeOf } from '../../domain/backup/messages.ts';
import type { VerifiedArchive, VerifiedBackup } from '../../domain/backup/proofs.ts';
import type { Consent } from '../../domain/data/consent.ts';
import { removeOneOff, type TriedImage } from '../../domain/replacement/try-start.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { startThrowaway } from '../../tools/postgres/throwaway.ts';
import { preparedFile } from './prepare.ts';
import type { Rebuild } from './rebuild.ts';
import { runningDatabase } from './stores.ts';

/** What a backup step came to: a backup, or why there is none yet. */
export type BackupOutcome =
  | { readonly kind: 'taken'; readonly saved: VerifiedBackup | VerifiedArchive }
  /** Its files must be copied when the server is stopped. */
  | { readonly kind: 'not-dumpable'; readonly why: Text }
  | { readonly kind: 'not-needed'; readonly why: Text };

/** Measured on a miniature database: dump, restore and comparison of a gigabyte take about this long. */
const SECONDS_PER_GIGABYTE = 30;

/** How long each backup takes, as far as the database could be asked. */
export const backupSeconds = ({ database }: Facts): { readonly seconds?: number } =>
  database.kind === 'running' ? { seconds: Math.ceil(3 + (database.bytes / 1e9) * SECONDS_PER_GIGABYTE) } : {};

export function backupStep(rebuild: Rebuild): Step<BackupOutcome, [TriedImage, Consent | undefined]> | undefined {
  const { plan, facts } = rebuild;
  if (!plan.backup) return undefined;
  return {
    id: 'backup',
    title: { en: 'Back up the database and prove it by a restore', zh: '备份数据库, 并通过实际恢复验证' },
    risk: 'none',
    commands: [
      `docker exec ${facts.stack.services.postgres.key} pg_dump -Fc --snapshot=<id> > <backup>/dump`,
      {
        en: 'docker run --network none <the same image>; pg_restore; compare every table',
        zh: 'docker run --network none <同一镜像>; pg_restore; 逐表比对',
      },
    ],
    ...backupSeconds(facts),
    run: (ops, tried, consent) => backUp(ops, rebuild, tried.head, consent),
    evidence: backupEvidence,
    undo: (ops) => discardHelpers(ops, rebuild),
  };
}

/**
 * Backs up the database while the application goes on, and proves it by a restore. A server that does not run is started first. One
 * that can't be dumped, or that holds other databases too and is to be deleted, has its files archived once production is stopped.
 */
async function backUp(ops: Ops, rebuild: Rebuild, head: string, consent: Consent | undefined): Promise<BackupOutcome> {
  const { facts, plan } = rebuild;
  const taken = await dump(ops, facts, consent);
  if ('why' in taken) return { kind: 'not-dumpable', why: taken.why };
  const { db, saved } = taken;
  rebuild.database = db;
  rebuild.backup = saved;
  if (plan.deletes.length > 0 && saved.leavesOut.length > 0) {
    rebuild.wholeVolume = true;
    ops.screen.show({ event: 'warning', text: otherDatabases(saved.leavesOut) });
    return { kind: 'taken', saved };
  }
  const revision = facts.database.kind === 'running' ? facts.database.revision : undefined;
  if (plan.deletes.length > 0 || revision !== head) {
    // The next verification will be part of the outage: its server had better be there already.
    const { imageId, databaseBytes: databaseSize, server } = saved.manifest;
    rebuild.throwaway = await startThrowaway(ops, { imageId, databaseSize, preloads: server.preloads });
  }
  return { kind: 'taken', saved };
}

/** Only a server that can't be started or read is one that can't be dumped. What fails on our side ends the run. */
async function dump(
  ops: Ops,
  facts: Facts,
  consent: Consent | undefined,
): Promise<{ readonly db: Database; readonly saved: VerifiedBackup } | { readonly why: Text }> {
  try {
    const db = await runningDatabase(ops, facts, consent);
    return { db, saved: await backupPg(ops, db, { reason: 'rebuild', commit: facts.app?.commit }) };
  } catch (error) {
    if (!(error instanceof OpsError) || (error.kind !== 'command' && error.kind !== 'deadline')) throw error;
    ops.screen.show({ event: 'warning', text: error.what });
    return { why: whatHappened(error) };
  }
}

/** Removes what only this run needed. */
export async function discardHelpers(ops: Ops, rebuild: Rebuild): Promise<void> {
  await Promise.all([rebuild.throwaway?.remove(), removeOneOff(ops, rebuild.facts)]);
  rmSync(preparedFile(ops), { force: true });
  rebuild.throwaway = undefined;
}

export function backupEvidence(outcome: BackupOutcome): Text {
  if (outcome.kind === 'not-needed') return outcome.why;
  if (outcome.kind === 'not-dumpable') return NOT_DUMPABLE;
  const { saved } = outcome;
  const { manifest } = saved;
  const size = humanBytes(sizeOf(manifest));
  if (manifest.kind === 'volume') {
    return { en: `${saved.dir}, ${size}, a server started on a copy`, zh: `${saved.dir}, ${size}, 已在副本上启动验证` };
  }
  const { en, zh } = contentsText(manifest);
  return {
    en: `${saved.dir}, ${size}; restored and compared: ${en}`,
    zh: `${saved.dir}, ${size}; 已恢复并比对: ${zh}`,
  };
}

const otherDatabases = (names: readonly string[]): Text => ({
  en: `The volume also holds ${names.map(printable).join(', ')}: all its files will be archived before it is deleted.`,
  zh: `该卷中还有其他数据库 ${names.map(printable).join(', ')}: 删除前将归档整个卷的文件.`,
});

const NOT_DUMPABLE: Text = {
  en: 'it can’t be dumped; its files will be archived once it is stopped',
  zh: '无法导出; 停止后将归档其数据文件',
};
