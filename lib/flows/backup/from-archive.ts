import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { say, section } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import { findBackup } from '../../domain/backup/find.ts';
import { checkFiles } from '../../domain/backup/verify.ts';
import { withCopy } from '../../domain/backup/volume-trial.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { loginOf } from '../../domain/stack/stack.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { discardStale } from '../../tools/docker/helpers.ts';

export interface FromArchive {
  readonly planOnly: boolean;
  /** Name or directory of the archive. */
  readonly from: string;
  /** Default: the application's. */
  readonly database: string | undefined;
  readonly tag: string | undefined;
}

/**
 * Makes a backup of a database that is in the archive of a PostgreSQL volume: a server is started on a copy of its files, dumped, and the
 * dump proved like any other. Production is neither read nor changed. The backup counts as old as the archive.
 *
 * @throws {OpsError} `precondition` when there is no such archive; `command` when its server has no such database.
 */
export async function backUpArchive(ops: Ops, options: FromArchive): Promise<Text> {
  const { dir, manifest } = findBackup(ops, options.from);
  if (manifest.kind !== 'volume') throw isBackup(manifest.id);
  const { user, name } = loginOf(await resolveStack(ops));
  const database = { user, name: options.database ?? name };
  section(ops.screen, { en: 'Backup from an archive', zh: '从归档制作备份' }, 'facts', [
    [{ en: 'archive', zh: '归档' }, same(printable(dir))],
    [{ en: 'of', zh: '归档时间' }, same(manifest.createdAt)],
    [{ en: 'database', zh: '数据库' }, same(printable(database.name))],
  ]);
  if (options.planOnly) return ONLY_PLANNED;
  await checkFiles({ dir, manifest });
  await discardStale(ops);
  const backup = await withCopy(ops, { dir, manifest }, database, async (server) => {
    const container = await inspectContainer(ops, server.container.id);
    const { commit, volume, createdAt } = manifest;
    const about = { reason: 'archive', commit: commit ?? undefined, tag: options.tag, asOf: createdAt };
    return backupPg(ops, { container, ...database, volume }, about);
  });
  say(ops.screen, 'ok', {
    en: `${backup.dir}: restored and compared. To restore it: npx tsx scripts/restore-prod.ts ${backup.manifest.id}`,
    zh: `${backup.dir}: 已恢复并比对. 如需恢复: npx tsx scripts/restore-prod.ts ${backup.manifest.id}`,
  });
  return { en: `backed up to ${backup.dir}`, zh: `已备份到 ${backup.dir}` };
}

const isBackup = (id: string) =>
  refuse(
    { en: `${id} is a backup of a database already.`, zh: `${id} 本身就是数据库备份.` },
    same(`npx tsx scripts/restore-prod.ts ${id}`),
  );
