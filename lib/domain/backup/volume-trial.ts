import { randomBytes } from 'node:crypto';
import { readSync } from 'node:fs';
import path from 'node:path';
import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, change, read, run } from '../../core/run.ts';
import { copyIn } from '../../tools/docker/container-files.ts';
import { start } from '../../tools/docker/docker.ts';
import { discardContainer, ownerLabels } from '../../tools/docker/helpers.ts';
import { lastLogLines } from '../../tools/docker/wait.ts';
import { withOpen } from '../../tools/files/durable.ts';
import { startsWithin } from '../../tools/postgres/emptiness.ts';
import { type PgServer, query } from '../../tools/postgres/psql.ts';
import { diskFor, refuseTrialWithoutDisk } from '../../tools/postgres/server-disk.ts';
import { notReady } from '../../tools/postgres/throwaway.ts';
import { damaged, OUR_OWN, type Stored, type VolumeManifest } from './manifest.ts';
import { checkFiles, patience } from './verify.ts';

/** What a PostgreSQL data directory must answer to when a server runs on it. */
export interface ArchivedDatabase {
  readonly user: string;
  readonly name: string;
}

/** Crash recovery may come first. */
const READY_WITHIN_MS = 600_000;

/** Names of everything in a tar, by the system's own tar. @throws {OpsError} when it is cut off or empty. */
export async function listArchive(ops: Ops, dir: string, file: string, size: number): Promise<string[]> {
  const list = (fd: number) => ask(ops, read(['tar', '-t', '-f', '-'], { stdinFd: fd, deadlineMs: patience(size) }));
  const names = (await withOpen(file, list)).split('\n').filter(Boolean);
  // tar takes a file that ends between two members for a whole one; `docker cp` of nothing is empty and no error.
  if (names.length === 0 || !(await endsWell(file, size))) {
    throw damaged(dir, { en: 'the archive is empty or cut off', zh: '归档为空或不完整' });
  }
  return names;
}

/** A complete tar ends in two blocks of zeros; an empty directory has one before them. */
async function endsWell(file: string, size: number): Promise<boolean> {
  if (size < 3 * 512 || size % 512 !== 0) return false;
  const end = Buffer.alloc(1024);
  const bytesRead = await withOpen(file, async (fd) => readSync(fd, end, 0, 1024, size - 1024));
  return bytesRead === 1024 && end.every((b) => b === 0);
}

/**
 * Tries an archive out: its files are those that were written, it can be read to its end, and a server starts on a copy of it
 * and answers, if `database` says that it is PostgreSQL's.
 *
 * @throws {OpsError}
 */
export async function tryArchive(ops: Ops, stored: Stored<VolumeManifest>, database?: ArchivedDatabase): Promise<void> {
  const { dir, manifest } = stored;
  const file = path.join(dir, manifest.files.archive.name);
  await checkFiles(stored);
  const names = await listArchive(ops, dir, file, manifest.files.archive.size);
  if (names.length !== manifest.entries) {
    throw damaged(dir, { en: 'the archive has other files than it had', zh: '归档中的文件与备份时不一致' });
  }
  if (database) await withCopy(ops, stored, database, (server) => query(ops, server, 'SELECT count(*) FROM pg_class'));
}

/**
 * Starts a server on a copy of an archive, for as long as `use` runs; nothing is written to the archive.
 *
 * @throws {OpsError} when it does not start.
 */
export async function withCopy<T>(
  ops: Ops,
  { dir, manifest }: Stored<VolumeManifest>,
  database: ArchivedDatabase,
  use: (server: PgServer) => Promise<T>,
): Promise<T> {
  const file = path.join(dir, manifest.files.archive.name);
  const name = `whalefall-ops-throwaway-${randomBytes(6).toString('hex')}`;
  // An anonymous volume on the same mount point: it goes with the container.
  const flags = ['--pull', 'never', '--network', 'none', ...ownerLabels(ops), '-v', manifest.mountPoint];
  const df = ['--entrypoint', 'df', manifest.imageId, '-P', '-k', manifest.mountPoint];
  const table = await ask(ops, read(['docker', 'run', '--rm', ...flags, ...df], { deadlineMs: 60_000 }));
  refuseTrialWithoutDisk(diskFor(table, manifest.files.archive.size));
  const create = change([
    ...['docker', 'create', '--name', name, ...flags],
    ...['--cpu-shares', '256', '--shm-size', '256m', '-e', 'POSTGRES_HOST_AUTH_METHOD'],
    ...[manifest.imageId, 'postgres', '-c', 'fsync=off', '-c', 'autovacuum=off', '-c', 'listen_addresses=localhost'],
  ]);
  try {
    const id = await ask(ops, { ...create, env: { POSTGRES_HOST_AUTH_METHOD: 'scram-sha-256' } });
    await copyIn(ops, file, id, manifest.mountPoint);
    await run(ops, start(id));
    const server: PgServer = { ...database, container: { id } };
    const starts = await startsWithin(ops, server, READY_WITHIN_MS);
    if (!starts) throw await notStarted(ops, dir, id, starts === false);
    return await use(server);
  } finally {
    await discardContainer(ops, name);
  }
}

/** Only a server that ended by itself, and for no lack of this machine, judges the archive. */
async function notStarted(ops: Ops, dir: string, id: string, hasEnded: boolean): Promise<OpsError> {
  const said = await lastLogLines(ops, { id });
  const exitCode = hasEnded ? await ask(ops, read(['docker', 'inspect', '-f', '{{.State.ExitCode}}', id]), [0, 1]) : '';
  // It is gone, was stopped, or was killed.
  if (['', '0', '137', '143'].includes(exitCode.trim()) || OUR_OWN.test(said.en)) return notReady(said);
  return damaged(dir, {
    en: `PostgreSQL does not start on it. ${said.en}`,
    zh: `PostgreSQL 无法在其副本上启动. ${said.zh}`,
  });
}
