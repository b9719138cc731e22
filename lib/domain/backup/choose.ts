import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { printable, type Text } from '../../core/text.ts';
import { directoryOf } from './find.ts';
import { type DatabaseManifest, filesOf, listBackups, readDatabaseManifest, type Stored } from './manifest.ts';

const SHOWN = 10;

/**
 * The backup of `database` that is wanted: a name among the deploy directory's backups, a directory (a relative one as seen from the
 * deploy directory), or by default the newest that did not fail its verification.
 *
 * @throws {OpsError} `precondition`, with those that there are, when it does not exist or lacks a file.
 */
export function chooseBackup(ops: Ops, database: string, wanted = 'latest'): Stored<DatabaseManifest> {
  const mine = backupsOf(ops, database);
  const dir = wanted === 'latest' ? undefined : directoryOf(ops, wanted);
  const chosen = wanted === 'latest' ? newest(ops, mine) : dir && { dir, manifest: readDatabaseManifest(dir) };
  if (!chosen) throw noSuchBackup(ops.paths.backups, database, wanted, mine);
  refuseIncomplete(chosen);
  return chosen;
}

/** The newest that no verification has found wrong; said when that is not the newest of all. */
function newest(ops: Ops, mine: readonly Stored<DatabaseManifest>[]): Stored<DatabaseManifest> | undefined {
  const [first] = mine;
  const sound = mine.find(({ manifest }) => manifest.verification.failure === undefined);
  if (first && sound && sound !== first) {
    const [left, taken] = [first, sound].map(({ dir }) => printable(path.basename(dir)));
    ops.screen.show({
      event: 'warning',
      text: {
        en: `${left} is newer, but its verification failed; so it is ${taken}.`,
        zh: `${left} 较新, 但验证失败, 因此使用 ${taken}.`,
      },
    });
  }
  return sound ?? first;
}

/** Complete backups of a database, newest first. */
export function backupsOf(ops: Ops, database: string): Stored<DatabaseManifest>[] {
  const all = existsSync(ops.paths.backups) ? listBackups(ops.paths.backups).stored : [];
  return all.filter(
    (s): s is Stored<DatabaseManifest> => s.manifest.kind === 'database' && s.manifest.database.name === database,
  );
}

/** What is missing or cut shows at once; whether every byte is as it was written is checked before it is restored. */
function refuseIncomplete({ dir, manifest }: Stored<DatabaseManifest>): void {
  for (const { name, size } of filesOf(manifest)) {
    const found = statSync(path.join(dir, name), { throwIfNoEntry: false })?.size;
    if (found === size) continue;
    throw refuse(
      {
        en: `The backup ${printable(dir)} can't be used: ${name} ${found === undefined ? 'is missing' : `has ${found} of ${size} bytes`}.`,
        zh: `备份 ${printable(dir)} 不可用: ${name} ${found === undefined ? '缺失' : `只有 ${found}/${size} 字节`}.`,
      },
      { en: 'Choose another backup.', zh: '请选择其他备份.' },
    );
  }
}

function noSuchBackup(
  backups: string,
  database: string,
  wanted: string,
  mine: readonly Stored<DatabaseManifest>[],
): OpsError {
  const [name, place] = [printable(wanted), printable(backups)];
  const what: Text =
    wanted === 'latest'
      ? { en: `There is no backup of ${database} in ${place}.`, zh: `${place} 中没有 ${database} 的备份.` }
      : { en: `There is no backup ${name} in ${place}.`, zh: `${place} 中没有备份 ${name}.` };
  const lines = mine.slice(0, SHOWN).map(({ dir, manifest }): Text => {
    const line = `npx tsx scripts/restore-prod.ts ${path.basename(dir)}`;
    return { en: `${line}   (${manifest.createdAt})`, zh: `${line}   (${manifest.createdAt})` };
  });
  return refuse(
    what,
    ...(lines.length > 0
      ? lines
      : [{ en: 'A backup elsewhere is named by its directory.', zh: '其他位置的备份请用目录路径指定.' }]),
  );
}
