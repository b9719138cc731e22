import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { printable, same, type Text } from '../../core/text.ts';
import {
  type DatabaseManifest,
  filesOf,
  isLeftover,
  listBackups,
  type Manifest,
  readDatabaseManifest,
  readManifest,
  type Stored,
} from './manifest.ts';

const SHOWN = 10;
const LATEST = 'latest';

/**
 * A backup by its name, its directory, or `latest`: the newest of the database that is proved. Newer ones that are not are told. Where none
 * is proved it is the newest of all, so that whoever uses it finds out what is wrong with it.
 *
 * @throws {OpsError} `precondition`, with those that there are, when there is none; {@link DamagedBackup} when its manifest can't be read.
 */
export function findBackup(ops: Ops, wanted: string): Stored {
  const dir = find(ops, wanted, undefined);
  return { dir, manifest: readManifest(dir) };
}

/** The same, not for a copy of a volume; `latest` is one of this database. A named one may be another's. */
export function findDatabaseBackup(ops: Ops, wanted: string, database: string): Stored<DatabaseManifest> {
  const dir = find(ops, wanted, database);
  return { dir, manifest: readDatabaseManifest(dir) };
}

function find(ops: Ops, wanted: string, database: string | undefined): string {
  const dir = wanted === LATEST ? latest(ops, database) : directoryOf(ops, wanted);
  if (dir === undefined || isLeftover(dir)) throw noSuchBackup(ops, wanted, database);
  return dir;
}

/** Where a backup lies that somebody names: among the deploy directory's backups, else as seen from the deploy directory. */
const directoryOf = ({ paths, target }: Ops, wanted: string): string | undefined =>
  [paths.backups, target.dir].map((place) => path.resolve(place, wanted)).find((dir) => existsSync(dir));

function latest(ops: Ops, database: string | undefined): string | undefined {
  const mine = backupsOf(ops, database);
  // A backup gets its name once it is proved; a later verification may have failed.
  const proved = mine.find(({ manifest }) => manifest.verification.failure === undefined);
  const { damaged } = listBackups(ops.paths.backups);
  if (proved === undefined) return mine[0]?.dir ?? damaged.map((d) => d.dir).sort(byName)[0];
  const newer = [
    ...mine.slice(0, mine.indexOf(proved)).map((s) => s.dir),
    ...damaged.map((d) => d.dir).filter((dir) => byName(dir, proved.dir) < 0),
  ];
  if (newer.length > 0) ops.screen.show({ event: 'warning', text: passedOver(newer, proved.dir) });
  return proved.dir;
}

/** Newest first: names begin with the time. */
const byName = (a: string, b: string) => path.basename(b).localeCompare(path.basename(a));

/** Complete backups of a database, newest first. */
export function backupsOf(ops: Ops, database: string | undefined): Stored<DatabaseManifest>[] {
  return listBackups(ops.paths.backups).stored.filter((s): s is Stored<DatabaseManifest> => isOf(s.manifest, database));
}

const isOf = (manifest: Manifest, database: string | undefined) =>
  manifest.kind === 'database' && (database === undefined || manifest.database.name === database);

/**
 * What is missing or cut shows at once; whether every byte is as it was written is checked before it is restored.
 *
 * @throws {OpsError} `precondition`
 */
export function requireComplete({ dir, manifest }: Stored): void {
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

function passedOver(newer: readonly string[], taken: string): Text {
  const names = newer.map((dir) => printable(path.basename(dir))).join(', ');
  const name = printable(path.basename(taken));
  return {
    en: `Newer, but damaged or failed at its last verification: ${names}. Using ${name}.`,
    zh: `较新但已损坏或最近一次验证失败: ${names}; 改用 ${name}.`,
  };
}

function noSuchBackup(ops: Ops, wanted: string, database: string | undefined): OpsError {
  const [name, place, of] = [wanted, ops.paths.backups, database ?? ''].map(printable);
  const what: Text =
    wanted === LATEST
      ? { en: `There is no backup${of && ` of ${of}`} in ${place}.`, zh: `${place} 中没有${of && ` ${of} 的`}备份.` }
      : { en: `There is no complete backup ${name} in ${place}.`, zh: `${place} 中没有完整的备份 ${name}.` };
  const list = backupsOf(ops, database)
    .slice(0, SHOWN)
    .map(({ dir, manifest }): Text => {
      const line = `${printable(path.basename(dir))}   (${manifest.createdAt})`;
      return same(line);
    });
  return refuse(
    what,
    ...list,
    list.length > 0
      ? { en: 'All of them: npx tsx scripts/backup-prod.ts list', zh: '查看全部: npx tsx scripts/backup-prod.ts list' }
      : {
          en: 'Take one: npx tsx scripts/backup-prod.ts create. One that lies elsewhere is named by its directory.',
          zh: '请先创建: npx tsx scripts/backup-prod.ts create; 其他位置的备份用目录路径指定.',
        },
  );
}
