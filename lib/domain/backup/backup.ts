import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import { allOrAbort, firstAbort } from '../../core/concurrency.ts';
import { type Kind, NOTHING_CHANGED, OpsError, whatHappened } from '../../core/errors.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { CommandError, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import { copyOut } from '../../tools/docker/container-files.ts';
import { discardStale } from '../../tools/docker/helpers.ts';
import { createFile, digest } from '../../tools/files/durable.ts';
import { otherDatabases } from '../../tools/postgres/emptiness.ts';
import type { Contents, Sequences } from '../../tools/postgres/fingerprint.ts';
import { connectTo, type Database, pgExec } from '../../tools/postgres/psql.ts';
import { holdersNow, notReadable, waitUntilReadable } from '../../tools/postgres/readable.ts';
import { restoreAdvice } from '../../tools/postgres/server-errors.ts';
import { type DatabaseFacts, type Snapshot, withSnapshot } from '../../tools/postgres/snapshot.ts';
import { TableLocked } from '../../tools/postgres/table-locked.ts';
import { startThrowaway, type Throwaway, type ThrowawayOptions } from '../../tools/postgres/throwaway.ts';
import { imageOf } from '../images/stand-in.ts';
import { diskFull, inNewBackupDir, type Place, refuseWithoutRoom, whileThereIsRoom } from './directory.ts';
import { backupsOf } from './find.ts';
import type { DatabaseManifest, Stored } from './manifest.ts';
import { type BackupProgress, NO_BYTES, reporting } from './progress.ts';
import { type VerifiedBackup, verifyBackup } from './proofs.ts';
import { patience } from './verify.ts';
import { listArchive } from './volume-trial.ts';

export interface BackupOptions {
  /** What for, in one word: `rebuild`, `update`, `manual`. */
  readonly reason: string;
  /** The commit that runs now. */
  readonly commit?: string | undefined;
  /** When what is dumped was current, if that is not now: RFC 3339, UTC. */
  readonly asOf?: string | undefined;
  /** Keeps the backup from being pruned. */
  readonly tag?: string | undefined;
  /** A throwaway server to verify in, started beforehand to save its two seconds; stays the caller's to remove. */
  readonly warm?: Throwaway | undefined;
  /**
   * Called as soon as nothing more is read from the server: it may be stopped while what was read is tried out. The files are not proved
   * as yet; they keep their place until it ends.
   */
  readonly whenRead?: ((ops: Ops, read: Stored<DatabaseManifest>) => Promise<void>) | undefined;
  /** A container whose userdata is saved along with the database, and about how many bytes that is. */
  readonly userdata?: { readonly container: string; readonly bytes: number } | undefined;
  /** Told twice a second how far it is. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** The dump's size over that of its tables; default: that of the last backup and a fifth, else 0.6. */
  readonly expectedRatio?: number;
}

const USERDATA = 'userdata.tar';
const DUMP = 'database.dump';
const GLOBALS = 'globals.sql';
/** How long it is waited for tables that nobody can read; while production waits for the backup, shorter. */
const PATIENCE_MS = 60_000;
const SHORT_PATIENCE_MS = 10_000;
/** Somebody may take a lock between our look and pg_dump's. */
const LOCK_WAIT_MS = 5_000;
const SMALL_FILES = 16_000_000;

/** The dump's command. Its session has `applicationName`, so that it can be ended from outside. */
function pgDump(
  db: Database,
  snapshot: string,
  { applicationName, ...options }: { applicationName: string; stdoutFd: number; deadlineMs: number },
) {
  const flags = ['-w', '-Fc', '-Z1', `--lock-wait-timeout=${LOCK_WAIT_MS}`, `--snapshot=${snapshot}`];
  return pgExec('read', db, ['pg_dump', ...flags, '-U', db.user, '-d', connectTo(db.name)], {
    env: { PGAPPNAME: applicationName },
    ...options,
  });
}

/** Roles with their password hashes, memberships, tablespaces: what a dump does not have. */
function pgDumpGlobals(db: Database, applicationName: string, stdoutFd: number) {
  const flags = ['-w', '--globals-only', '-U', db.user, '-l', connectTo(db.name)];
  return pgExec('read', db, ['pg_dumpall', ...flags], { env: { PGAPPNAME: applicationName }, stdoutFd });
}

/**
 * Takes a backup of the database and its cluster's roles, and proves it: restores it into a throwaway server of the same image
 * and compares every table, sequence, extension and large object with the very snapshot that was dumped. The application may
 * go on meanwhile. Only then does its directory (`<backups>/<UTC time>-<database>/`, 0700: archive, globals, manifest) get its
 * name; whatever fails before leaves nothing.
 *
 * @throws {OpsError} `command` or `deadline` when the server can't be read, and only then; `precondition` when the disk is too small,
 *   when somebody keeps readers from a table (named), or when what was restored differs; `failed` when the disk gets full, or when the trial itself fails.
 */
export async function backupPg(ops: Ops, db: Database, options: BackupOptions): Promise<VerifiedBackup> {
  const applicationName = `whalefall-ops backup ${randomBytes(6).toString('hex')}`;
  if (!options.warm) await ours(ops, discardStale(ops));
  let started: Throwaway | undefined;
  const imageId = options.warm?.imageId ?? (await ours(ops, imageOf(ops, 'postgres', db.container)));
  const throwaway: Dump['throwaway'] = async (inner, forWhat) => {
    if (options.warm) return options.warm;
    started = await ours(inner, startThrowaway(inner, { imageId, ...forWhat }));
    return started;
  };
  try {
    await waitUntilReadable(ops, db, options.whenRead ? SHORT_PATIENCE_MS : PATIENCE_MS);
    return await inNewBackupDir(ops, db.name, async (place) => {
      // The trial, too: its server may have its data on the same disk.
      const proved = await whileThereIsRoom(ops, ops.paths.backups, async (roomy) => {
        const { stored, server } = await dump(roomy, db, { ...options, place, applicationName, throwaway });
        const stop = new AbortController();
        const inner = { ...roomy, signal: firstAbort(roomy.signal, stop.signal) };
        const alsoReading = options.whenRead?.(inner, stored) ?? Promise.resolve();
        const sealing = { holder: db.container.id, finalDir: place.final, after: alsoReading };
        const [backup] = await allOrAbort(stop, [
          reporting(inner, options, { phase: 'trial', ...NO_BYTES }, () =>
            ours(inner, verifyBackup(inner, stored, server, sealing)),
          ),
          alsoReading,
        ]);
        return backup;
      });
      ops.journal.write({ event: 'note', key: 'backup', value: proved.dir });
      return proved;
    });
  } catch (error) {
    ops.signal.throwIfAborted();
    if (!(error instanceof OpsError)) throw outOfSpace(ops, error);
    if (TableLocked.caused(error)) throw notReadable(await holdersNow(ops, db).catch(() => []));
    throw isTools(error) ? notTaken(ops, error, error.kind) : error;
  } finally {
    await started?.remove();
  }
}

interface Dump extends BackupOptions {
  readonly place: Place;
  readonly applicationName: string;
  readonly throwaway: (ops: Ops, forWhat: Omit<ThrowawayOptions, 'imageId'>) => Promise<Throwaway>;
}

async function dump(
  ops: Ops,
  db: Database,
  options: Dump,
): Promise<{ stored: Stored<DatabaseManifest>; server: Throwaway }> {
  const { place, applicationName, throwaway } = options;
  const dumpFile = path.join(place.partial, DUMP);
  const globalsFile = path.join(place.partial, GLOBALS);
  const userdataFile = path.join(place.partial, USERDATA);
  const stop = new AbortController();
  const inner = { ...ops, signal: firstAbort(ops.signal, stop.signal) };
  const now = new Date(place.at).toISOString();
  const createdAt = options.asOf ?? now;
  const readAll = withSnapshot(inner, db, applicationName, async (snapshot) => {
    const { facts } = snapshot;
    const expected = estimate(ops, facts, options.expectedRatio);
    const meanwhile = { directory: ops.paths.backups, bytes: expected + (options.userdata?.bytes ?? 0) };
    refuseWithoutRoom(meanwhile.directory, meanwhile.bytes);
    const deadlineMs = patience(facts.databaseBytes);
    const held = { ...inner, signal: firstAbort(inner.signal, snapshot.lost) };
    const archive = () =>
      createFile(dumpFile, (fd) => run(held, pgDump(db, snapshot.id, { applicationName, stdoutFd: fd, deadlineMs })));
    const rest = async () => {
      options.onProgress?.({ phase: 'contents', ...NO_BYTES, milliseconds: 0 });
      return allOrAbort(stop, [
        snapshot.contents(deadlineMs),
        createFile(globalsFile, (fd) => run(inner, pgDumpGlobals(db, applicationName, fd))),
        options.userdata
          ? saveUserdata(inner, options.userdata.container, place.partial, userdataFile)
          : Promise.resolve(false),
      ]);
    };
    // The dump comes first and has the processors for itself; but when production waits for the reading, all at once is soonest. That
    // it can be tried at all is known within seconds.
    const first = allOrAbort(stop, [
      throwaway(inner, { databaseSize: facts.databaseBytes, preloads: facts.server.preloads, meanwhile }),
      reporting(inner, options, { phase: 'dump', bytes: 0, expected, file: dumpFile }, archive),
    ]);
    const [[server], [contents, , hasUserdata]] = options.whenRead
      ? await allOrAbort(stop, [first, rest()])
      : [await first, await rest()];
    return { server, facts, hasUserdata, contents: await withSequences(snapshot, contents) };
  });
  const [{ server, facts, contents, hasUserdata }, leavesOut] = await allOrAbort(stop, [
    readAll,
    otherDatabases(inner, db),
  ]);
  const [dumped, globals, userdata] = await Promise.all([
    digest(dumpFile),
    digest(globalsFile),
    hasUserdata ? digest(userdataFile) : undefined,
  ]);
  const manifest: DatabaseManifest = {
    kind: 'database',
    version: 1,
    id: place.id,
    createdAt,
    run: runName(ops),
    reason: options.reason,
    tag: options.tag ?? null,
    commit: options.commit ?? null,
    imageId: server.imageId,
    volume: { name: db.volume.name, createdAt: db.volume.createdAt },
    ...facts,
    user: db.user,
    files: {
      dump: { name: DUMP, ...dumped },
      globals: { name: GLOBALS, ...globals },
      ...(userdata ? { userdata: { name: USERDATA, ...userdata } } : {}),
    },
    contents,
    leavesOut,
    verification: { level: 'none', at: now, milliseconds: 0 },
  };
  return { stored: { dir: place.partial, manifest }, server };
}

/** Its files may be written meanwhile: one that shrinks while it is copied cuts the archive off, and `docker cp` says nothing. */
async function saveUserdata(ops: Ops, container: string, dir: string, file: string): Promise<boolean> {
  if (!(await copyOut(ops, container, ops.target.app.userdata, file))) return false;
  await listArchive(ops, dir, file, statSync(file).size);
  return true;
}

/** Sequences are in no snapshot: pg_dump saw a value between that of the beginning and that of now. */
async function withSequences(snapshot: Snapshot, contents: Contents): Promise<Contents> {
  const now = await snapshot.sequencesNow();
  const sequences: Sequences = snapshot.sequences.map((before, at) => {
    const after = now[at];
    if (after === undefined) throw new Error(`sequence ${before.name} vanished during the backup`);
    const same = after.lastValue === before.lastValue && after.isCalled === before.isCalled;
    return same ? before : { ...before, upTo: after.lastValue };
  });
  return { ...contents, sequences };
}

/** Bytes that the backup will take, from what is known about this database; the dump itself is watched all the same. */
function estimate(ops: Ops, facts: DatabaseFacts, expectedRatio?: number): number {
  const last = backupsOf(ops, facts.database.name)[0]?.manifest;
  const learned = last && last.tableBytes > 0 ? (last.files.dump.size / last.tableBytes) * 1.2 : 0.6;
  return facts.tableBytes * (expectedRatio ?? learned) + SMALL_FILES;
}

/** A failure on our side says nothing about the server: it must not be taken for one that can't be dumped. */
async function ours<T>(ops: Ops, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    ops.signal.throwIfAborted();
    throw error instanceof OpsError && isTools(error) ? notTaken(ops, error, 'failed') : error;
  }
}

const isTools = (error: OpsError) => error.kind === 'command' || error.kind === 'deadline';

function outOfSpace(ops: Ops, error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code === 'ENOSPC' ? diskFull(ops.paths.backups) : error;
}

function notTaken(ops: Ops, error: OpsError, kind: Kind): OpsError {
  // docker has no code for it when it can't write what a container gives it.
  if (error instanceof CommandError && /no space left/i.test(error.output.stderr)) return diskFull(ops.paths.backups);
  if (kind === 'failed') return notProved(error);
  const { en, zh } = whatHappened(error);
  const logs = composeTyped(ops.target, 'logs', '--tail', '100', ops.target.services.postgres);
  return new OpsError({
    kind,
    what: { en: `No backup could be taken: ${en}`, zh: `备份失败: ${zh}` },
    state: REMOVED,
    next: [{ en: `See what the server says: ${logs}`, zh: `查看数据库日志: ${logs}` }, ...error.next],
    cause: error,
  });
}

/** The dump was taken, and did not come through its trial: production's log says nothing about that. */
function notProved(error: OpsError): OpsError {
  const said = error instanceof CommandError && error.output.stderr.trim();
  const { en, zh } = said ? { en: `its server says:\n${said}`, zh: `临时实例报告:\n${said}` } : whatHappened(error);
  return new OpsError({
    kind: 'failed',
    what: {
      en: `No backup could be taken: the trial in a throwaway server failed, ${en}`,
      zh: `备份失败: 在临时实例中试恢复未成功, ${zh}`,
    },
    state: REMOVED,
    next: [...restoreAdvice(error), ...error.next],
    cause: error,
  });
}

const REMOVED: Text = {
  en: `The incomplete backup was removed. ${NOTHING_CHANGED.en}`,
  zh: `未完成的备份已删除. ${NOTHING_CHANGED.zh}`,
};
