import { existsSync } from 'node:fs';
import path from 'node:path';
import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { printable } from '../../core/text.ts';
import { isLeftover, listBackups, readManifest, type Stored } from './manifest.ts';

/**
 * A backup by its name, its directory, or `latest`: the newest of the database, also when that one turns out to be damaged.
 *
 * @throws {OpsError} `precondition` when there is none; {@link DamagedBackup} when its manifest can't be read.
 */
export function findBackup(ops: Ops, wanted: string): Stored {
  const dir = wanted === 'latest' ? newest(ops) : directoryOf(ops, wanted);
  if (dir === undefined || isLeftover(dir)) throw unknown(ops, wanted);
  return { dir, manifest: readManifest(dir) };
}

/**
 * Where a backup lies that somebody names: among the deploy directory's backups, else as seen from the deploy directory; or an absolute
 * directory. `undefined`: in neither place.
 */
export const directoryOf = ({ paths, target }: Pick<Ops, 'paths' | 'target'>, wanted: string): string | undefined =>
  [paths.backups, target.dir].map((place) => path.resolve(place, wanted)).find((dir) => existsSync(dir));

function newest(ops: Ops): string | undefined {
  const { stored, damaged } = listBackups(ops.paths.backups);
  const candidates = [...stored.filter((s) => s.manifest.kind === 'database'), ...damaged].map((s) => s.dir);
  return candidates.sort().at(-1); // names begin with the time
}

function unknown(ops: Ops, wanted: string): OpsError {
  const names = listBackups(ops.paths.backups).stored.slice(0, 5);
  const list = names.map((s) => s.manifest.id).join(', ') || '-';
  return refuse(
    {
      en: `There is no complete backup ${printable(wanted)} in ${ops.paths.backups}.`,
      zh: `${ops.paths.backups} 中没有完整的备份 ${printable(wanted)}.`,
    },
    { en: `The newest: ${list}`, zh: `最近的备份: ${list}` },
    { en: 'All of them: npx tsx scripts/backup-prod.ts list', zh: '查看全部: npx tsx scripts/backup-prod.ts list' },
  );
}
