import path from 'node:path';
import { type Ops, runName } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { printable } from '../../core/text.ts';
import { copyIn, copyOut } from '../../tools/docker/container-files.ts';
import { type Container, inspectContainer, type VolumeIdentity } from '../../tools/docker/containers.ts';
import { digest } from '../../tools/files/durable.ts';
import { imageOf } from '../images/stand-in.ts';
import { inNewBackupDir, type Place, whileThereIsRoom } from './directory.ts';
import type { Stored, VolumeManifest } from './manifest.ts';
import { type VerifiedArchive, verifyArchive } from './proofs.ts';
import { checkFiles } from './verify.ts';
import { type ArchivedDatabase, listArchive } from './volume-trial.ts';

export interface ArchiveOptions {
  readonly volume: VolumeIdentity;
  /** Where the container has it mounted. */
  readonly mountPoint: string;
  readonly reason: string;
  readonly commit?: string | undefined;
  readonly tag?: string | undefined;
  /** For PostgreSQL's volume: the proof is then a server that runs on a copy. */
  readonly database?: ArchivedDatabase | undefined;
}

const ARCHIVE = 'volume.tar';

/**
 * Copies the files of a volume, owners and modes included, out of its stopped container, and proves the copy: it can be read to
 * its end, and a PostgreSQL server starts on it. For Redis, and for a database that can't be dumped.
 *
 * @throws {OpsError} `precondition` when the container runs (files that are being written are no backup), has no such
 *   directory, or the copy does not prove good; `failed` when the disk gets full.
 */
export async function archiveVolume(ops: Ops, containerId: string, options: ArchiveOptions): Promise<VerifiedArchive> {
  const container = await inspectContainer(ops, containerId);
  if (!['exited', 'created', 'dead'].includes(container.state)) throw stillRuns(container.name);
  return inNewBackupDir(ops, options.volume.name, async (place) => {
    // Nobody knows the size of a volume; the copy is watched.
    const proved = await whileThereIsRoom(ops, ops.paths.backups, async (roomy) => {
      const stored = await copy(roomy, container, options, place);
      return verifyArchive(roomy, stored, options.database, { holder: containerId, finalDir: place.final });
    });
    ops.journal.write({ event: 'note', key: 'archive', value: proved.dir });
    return proved;
  });
}

async function copy(
  ops: Ops,
  container: Container,
  options: ArchiveOptions,
  { id, at, partial }: Place,
): Promise<Stored<VolumeManifest>> {
  const file = path.join(partial, ARCHIVE);
  const createdAt = new Date(at).toISOString();
  if (!(await copyOut(ops, container.id, options.mountPoint, file))) {
    throw nothingThere(container.name, options.mountPoint);
  }
  const digested = await digest(file);
  const manifest: VolumeManifest = {
    kind: 'volume',
    version: 1,
    id,
    createdAt,
    run: runName(ops),
    reason: options.reason,
    tag: options.tag ?? null,
    commit: options.commit ?? null,
    imageId: options.database ? await imageOf(ops, 'postgres', container) : container.imageId,
    volume: { name: options.volume.name, createdAt: options.volume.createdAt },
    mountPoint: options.mountPoint,
    files: { archive: { name: ARCHIVE, ...digested } },
    entries: (await listArchive(ops, partial, file, digested.size)).length,
    verification: { level: 'none', at: createdAt, milliseconds: 0 },
  };
  return { dir: partial, manifest };
}

/**
 * Puts an archive back into a container that has been created and not started. Nothing is deleted first, so its volume is to
 * be a new one.
 *
 * @throws {OpsError} `precondition` when the archive is damaged or the container is not fresh; `command` when the copy fails.
 */
export async function restoreVolumeData(ops: Ops, containerId: string, archive: Stored<VolumeManifest>): Promise<void> {
  const { dir, manifest } = archive;
  await checkFiles(archive);
  const container = await inspectContainer(ops, containerId);
  if (container.state !== 'created') throw notFresh(container.name);
  await copyIn(ops, path.join(dir, manifest.files.archive.name), containerId, manifest.mountPoint);
}

const stillRuns = (name: string) =>
  unmet(
    {
      en: `Container ${printable(name)} still runs: its files would change while they are copied.`,
      zh: `容器 ${printable(name)} 仍在运行, 复制期间文件会变化.`,
    },
    { en: `Stop it first: docker stop ${printable(name)}`, zh: `请先停止: docker stop ${printable(name)}` },
  );

const nothingThere = (name: string, mountPoint: string) =>
  unmet({
    en: `Container ${printable(name)} has no directory ${mountPoint}.`,
    zh: `容器 ${printable(name)} 中没有目录 ${mountPoint}.`,
  });

const notFresh = (name: string) =>
  unmet({
    en: `Container ${printable(name)} has been started already; data is put back only into one that has not.`,
    zh: `容器 ${printable(name)} 已启动过, 只能向未启动过的容器恢复数据.`,
  });
