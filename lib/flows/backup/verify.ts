import { type Kind, OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { CommandError, read, run } from '../../core/run.ts';
import { printable, same, seconds, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { findBackup } from '../../domain/backup/find.ts';
import {
  DamagedBackup,
  type DatabaseManifest,
  damaged,
  listBackups,
  type Manifest,
  OUR_OWN,
  type Stored,
  writeManifest,
} from '../../domain/backup/manifest.ts';
import { readArchive } from '../../domain/backup/read-archive.ts';
import { checkFiles, restoreAndCompare, throwIfDifferent } from '../../domain/backup/verify.ts';
import { tryArchive } from '../../domain/backup/volume-trial.ts';
import { imageOf } from '../../domain/images/stand-in.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { defaultsOf } from '../../domain/stack/homes.ts';
import { loginOf } from '../../domain/stack/stack.ts';
import { discardStale } from '../../tools/docker/helpers.ts';
import { answers } from '../../tools/postgres/emptiness.ts';
import { startThrowaway } from '../../tools/postgres/throwaway.ts';
import { afterVerification } from './outcome.ts';

/** From the cheapest to the one that proves a restore. */
export const LEVELS = ['checksum', 'readable', 'restored'] as const;
export type Level = (typeof LEVELS)[number];

/**
 * Tries a backup out and notes the result in its manifest. Production is neither read nor changed.
 *
 * @throws {OpsError} `failed` (exit 1) when it is damaged; `precondition` (exit 3) when there is no such backup, or it can't be tried
 *   on this machine.
 */
export async function verify(ops: Ops, wanted: string, level: Level, planOnly: boolean): Promise<Text> {
  const started = ops.clock.monotonic();
  let stored: Stored;
  try {
    stored = findBackup(ops, wanted);
  } catch (error) {
    throw error instanceof DamagedBackup ? isDamaged(ops, error, false) : error;
  }
  const { id } = stored.manifest;
  ops.screen.show({ event: 'heading', text: { en: `Verify ${id} (${level})`, zh: `验证 ${id} (${level})` } });
  if (planOnly) return ONLY_PLANNED;
  try {
    const reached = await tryOut(ops, stored, level);
    const milliseconds = Math.round(ops.clock.monotonic() - started);
    await note(ops, stored, { level: reached, milliseconds });
    const took = seconds(milliseconds);
    ops.screen.show({
      event: 'ok',
      text: { en: `${id} is good: ${WHAT[reached].en} (${took})`, zh: `${id} 完好: ${WHAT[reached].zh} (${took})` },
    });
    return same(`${id}: ${reached}`);
  } catch (error) {
    ops.signal.throwIfAborted();
    if (!(error instanceof DamagedBackup)) throw notTried(error);
    const milliseconds = Math.round(ops.clock.monotonic() - started);
    const noted = await note(ops, stored, { level, milliseconds, failure: error.what.en });
    throw isDamaged(ops, error, noted);
  }
}

type Reached = Exclude<Manifest['verification']['level'], 'none'>;

async function tryOut(ops: Ops, stored: Stored, level: Level): Promise<Reached> {
  await checkFiles(stored);
  if (level === 'checksum') return level;
  await discardStale(ops);
  const { dir, manifest } = stored;
  if (manifest.kind === 'volume') {
    const stack = await resolveStack(ops);
    const ofPostgres = stack.volumes.some(
      (v) => v.role === 'postgres' && v.holdsData && v.name === manifest.volume.name,
    );
    const database = ofPostgres && level === 'restored' ? loginOf(stack) : undefined;
    await tryArchive(ops, { dir, manifest }, database);
    return database ? 'started' : 'readable';
  }
  const imageId = await imageFor(ops, manifest);
  try {
    if (level === 'readable') await readArchive(ops, { dir, manifest }, imageId);
    else await restoreOnTrial(ops, { dir, manifest }, imageId);
  } catch (error) {
    // Another image may lack what this one needs. Its files are those that were written: that was looked at first.
    if (imageId === manifest.imageId || !(error instanceof DamagedBackup)) throw error;
    throw unmet(
      {
        en: `The backup could not be tried with another image than the one that it was taken from (${manifest.imageId.slice(0, 19)}), which is not here: ${error.what.en}`,
        zh: `备份所用的镜像 (${manifest.imageId.slice(0, 19)}) 不在本机, 用其他镜像无法验证: ${error.what.zh}`,
      },
      WITHOUT_SERVER,
    );
  }
  return level;
}

async function restoreOnTrial(ops: Ops, stored: Stored<DatabaseManifest>, imageId: string): Promise<void> {
  const { databaseBytes: databaseSize, server: of } = stored.manifest;
  const server = await startThrowaway(ops, { imageId, databaseSize, preloads: of.preloads });
  try {
    throwIfDifferent(stored.dir, (await restoreAndCompare(ops, stored, server)).differences);
  } catch (error) {
    ops.signal.throwIfAborted();
    // A server that is well and refuses to load it judges the backup; one that has gone judges nothing.
    const judged = error instanceof CommandError && error.kind === 'command' && !OUR_OWN.test(error.output.stderr);
    if (!judged || !(await answers(ops, server).catch(() => false))) throw error;
    throw damaged(
      stored.dir,
      { en: `it can't be restored: ${error.what.en}`, zh: `无法恢复: ${error.what.zh}` },
      error,
    );
  } finally {
    await server.remove();
  }
}

/** The image that it was taken from, or the one that runs now, if that is of the same major version. */
async function imageFor(ops: Ops, { imageId, server }: DatabaseManifest): Promise<string> {
  const { exitCode } = await run(ops, read(['docker', 'image', 'inspect', '-f', '{{.Id}}', imageId]), [0, 1]);
  if (exitCode === 0) return imageId;
  const { postgres } = await findContainers(ops, await resolveStack(ops));
  const major = String(Math.floor(server.versionNumber / 10_000));
  const other = postgres && (await imageOf(ops, 'postgres', postgres));
  if (other && (await defaultsOf(ops, 'postgres', other))?.major === major) return other;
  throw unmet(
    {
      en: `The image that the backup was taken from (${imageId.slice(0, 19)}) is not here, and no other PostgreSQL ${major} runs.`,
      zh: `备份所用的镜像 (${imageId.slice(0, 19)}) 不在本机, 也没有运行其他 PostgreSQL ${major}.`,
    },
    WITHOUT_SERVER,
  );
}

const WITHOUT_SERVER: Text = {
  en: 'What needs no server: --level checksum',
  zh: '不需要数据库服务的验证: --level checksum',
};

/** @returns whether the manifest says it now. */
async function note(
  ops: Ops,
  { dir, manifest }: Stored,
  outcome: Parameters<typeof afterVerification>[1],
): Promise<boolean> {
  const before = manifest.verification;
  const verification = afterVerification(before, outcome, new Date(ops.clock.now()).toISOString());
  if (verification === before) return true;
  try {
    await writeManifest(dir, { ...manifest, verification });
    return true;
  } catch (error) {
    // A copy on a medium that can't be written to: what was found is told all the same.
    if (!isSystemError(error)) throw error;
    ops.screen.show({ event: 'warning', text: notNoted(dir, error.message) });
    return false;
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'code' in error;

const notNoted = (dir: string, why: string): Text => ({
  en: `The result could not be noted in the manifest: ${printable(dir)} can't be written to (${printable(why)}).`,
  zh: `无法将结果写入 manifest: ${printable(dir)} 不可写 (${printable(why)}).`,
});

const WHAT: Record<Reached, Text> = {
  checksum: { en: 'its files are those that were written', zh: '文件与写入时一致' },
  readable: { en: 'the archive can be read to its end', zh: '归档可完整读取' },
  started: { en: 'a server started on a copy of it', zh: '已在其副本上启动数据库' },
  restored: { en: 'restored, and everything in it compared', zh: '已恢复并逐项比对' },
};

function isDamaged(ops: Ops, error: DamagedBackup, noted: boolean): OpsError {
  const good = listBackups(ops.paths.backups).stored.find((s) => s.manifest.verification.level === 'restored');
  const instead: Text = good
    ? {
        en: `The newest that was restored and compared: ${good.manifest.id}`,
        zh: `最近一份已恢复并比对的备份: ${good.manifest.id}`,
      }
    : { en: 'NO backup here was restored and compared.', zh: '当前没有任何已恢复并比对的备份.' };
  return new OpsError({
    kind: 'failed',
    what: error.what,
    state: {
      en: `Production was not touched.${noted ? ' The result is in the manifest: no pruning counts this backup any more.' : ''}`,
      zh: `未触及生产环境.${noted ? ' 结果已写入 manifest, 清理时不再计入该备份.' : ''}`,
    },
    next: [
      {
        en: 'Take a new one now: npx tsx scripts/backup-prod.ts create',
        zh: '请立即重新备份: npx tsx scripts/backup-prod.ts create',
      },
      instead,
    ],
    cause: error,
  });
}

/** That it could not be tried says nothing about the backup. */
function notTried(error: unknown): unknown {
  const tools: readonly Kind[] = ['command', 'deadline'];
  if (!(error instanceof OpsError) || !tools.includes(error.kind)) return error;
  const { en, zh } = whatHappened(error);
  return new OpsError({
    kind: 'precondition',
    what: { en: `The backup could not be tried: ${en}`, zh: `无法验证该备份: ${zh}` },
    state: {
      en: 'This says nothing about the backup; its manifest is as before. Production was not touched.',
      zh: '这不代表备份有问题, manifest 未改动; 未触及生产环境.',
    },
    next: error.next,
    cause: error,
  });
}
