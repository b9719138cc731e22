import path from 'node:path';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { say, section } from '../../core/screen.ts';
import { humanBytes, printable, same, seconds, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { mountedUserdata } from '../../domain/app/userdata.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import { contentsText, progressText, sizeOf } from '../../domain/backup/messages.ts';
import type { BackupProgress } from '../../domain/backup/progress.ts';
import type { VerifiedBackup } from '../../domain/backup/proofs.ts';
import { freeBytes } from '../../tools/files/durable.ts';
import { type Facts, surveyBackup } from './survey.ts';

export interface CreateOptions {
  readonly planOnly: boolean;
  /** Keeps it from being pruned. */
  readonly tag: string | undefined;
  readonly userdata: boolean;
}

/**
 * Takes a backup while production goes on, and proves it.
 *
 * It runs under the lock though it changes nothing: a dump beside a migration would hold it up or be of something half-way, a restore
 * renames the database under it, and what a killed run left can only be told from what is being written when nobody else writes. So
 * a nightly one should wait (`--lock-wait`), and a deployment finds out who is in its way.
 */
export async function createBackup(ops: Ops, options: CreateOptions): Promise<Text & { readonly bytes?: number }> {
  const facts = await surveyBackup(ops);
  const saved = options.userdata ? userdataOf(facts) : undefined;
  section(ops.screen, { en: 'Backup', zh: '备份' }, 'facts', [
    [{ en: 'database', zh: '数据库' }, same(printable(facts.database.name))],
    [{ en: 'commit that runs', zh: '当前版本' }, same(facts.commit?.slice(0, 10) ?? '-')],
    [
      same('userdata'),
      saved
        ? userdataText(saved.bytes, mountedUserdata(ops.target, facts.app?.mounts ?? []))
        : { en: 'not saved (--userdata)', zh: '不备份 (--userdata)' },
    ],
    [{ en: 'goes to', zh: '保存位置' }, same(ops.paths.backups)],
  ]);
  if (options.planOnly) return ONLY_PLANNED;

  const started = ops.clock.monotonic();
  let dumped: BackupProgress | undefined;
  const backup = await backupPg(ops, facts.database, {
    reason: 'manual',
    commit: facts.commit,
    tag: options.tag,
    userdata: saved,
    onProgress: (progress) => {
      if (progress.phase === 'dump') dumped = progress;
      ops.screen.progress(progressText(progress));
    },
  }).catch((error: unknown) => {
    throw error instanceof OpsError && error.kind === 'interrupted' ? leftNothing(error) : error;
  });
  conclude(ops, backup, { dumped, milliseconds: ops.clock.monotonic() - started, userdata: options.userdata });
  return { en: `backed up to ${backup.dir}`, zh: `已备份到 ${backup.dir}`, bytes: sizeOf(backup.manifest) };
}

/** Unlike a rebuild, a backup takes what is mounted there along. */
function userdataText(bytes: number, mounted: readonly string[]): Text {
  const [size, at] = [`≈ ${humanBytes(bytes)}`, printable(mounted.join(', '))];
  return mounted.length === 0
    ? same(size)
    : { en: `${size}, with what is mounted at ${at}`, zh: `${size}, 包含挂载于 ${at} 的内容` };
}

function userdataOf({ app, userdataBytes }: Facts) {
  if (app) return { container: app.id, bytes: userdataBytes };
  throw refuse(
    { en: 'There is no application container, so no userdata.', zh: '应用容器不存在, 因此没有 userdata.' },
    { en: 'Run it again without --userdata.', zh: '请去掉 --userdata 重新运行.' },
  );
}

interface Taken {
  readonly dumped: BackupProgress | undefined;
  readonly milliseconds: number;
  /** It was asked for. */
  readonly userdata: boolean;
}

function conclude(
  ops: Ops,
  { dir, manifest, leavesOut }: VerifiedBackup,
  { dumped, milliseconds, userdata }: Taken,
): void {
  const { show } = ops.screen;
  const { sequences, alembic } = manifest.contents;
  const { en, zh } = contentsText(manifest);
  const [size, free] = [humanBytes(sizeOf(manifest)), humanBytes(freeBytes(dir))];
  const rate = dumped && dumped.milliseconds > 0 ? (dumped.bytes / dumped.milliseconds) * 1000 : 0;
  show({
    event: 'table',
    id: 'summary',
    rows: [
      [{ en: 'backup', zh: '备份' }, same(dir)],
      [
        { en: 'size', zh: '大小' },
        { en: `${size}, ${free} free`, zh: `${size}, 磁盘剩余 ${free}` },
      ],
      [{ en: 'dump', zh: '导出' }, same(`${seconds(dumped?.milliseconds ?? 0)}, ${humanBytes(rate)}/s`)],
      [
        { en: 'restored and compared', zh: '已恢复并比对' },
        {
          en: `${en}, ${sequences.length} sequences, revision ${alembic ?? '-'}`,
          zh: `${zh}, ${sequences.length} 个序列, 结构版本 ${alembic ?? '-'}`,
        },
      ],
      [{ en: 'took', zh: '总用时' }, same(seconds(milliseconds))],
    ],
  });
  if (userdata && manifest.files.userdata === undefined) {
    show({
      event: 'warning',
      text: { en: 'The container has no userdata directory.', zh: '容器中没有 userdata 目录.' },
    });
  }
  if (leavesOut.length > 0) {
    const names = printable(leavesOut.join(', '));
    show({
      event: 'warning',
      text: { en: `Not in it: other databases (${names}).`, zh: `备份不包含其他数据库: ${names}.` },
    });
  }
  say(ops.screen, 'ok', {
    en: `Backed up and proved. The way back to it: npx tsx scripts/restore-prod.ts ${path.basename(dir)}`,
    zh: `备份完成并已验证. 恢复命令: npx tsx scripts/restore-prod.ts ${path.basename(dir)}`,
  });
}

const leftNothing = ({ kind, what, exitCode }: OpsError) =>
  new OpsError({
    kind,
    what,
    exitCode,
    state: {
      en: 'The incomplete backup was removed. The database was only read.',
      zh: '未完成的备份已删除, 对数据库只进行了读取.',
    },
  });
