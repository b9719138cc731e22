import { allEnded } from '../../core/concurrency.ts';
import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { describeHealth, waitForHealth } from '../../domain/app/health.ts';
import { netInside } from '../../domain/app/inside.ts';
import { readRevisions } from '../../domain/app/revisions.ts';
import { checkFiles } from '../../domain/backup/verify.ts';
import { restoreDatabase } from '../../domain/data/restore.ts';
import { migrate } from '../../domain/schema/migrate.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { exec } from '../../tools/docker/docker.ts';
import { discardContainer, discardImage, discardNetwork, remainsOfRun } from '../../tools/docker/helpers.ts';
import { throwIfEnded } from '../../tools/docker/wait.ts';
import { watchLocks } from '../../tools/postgres/longest-lock.ts';
import { refuseWithoutServerDisk } from '../../tools/postgres/server-disk.ts';
import { imageFor } from './build.ts';
import { startApp, startStores } from './containers.ts';
import { appFailed, backupFailed, leftBehind, migrationFailed, olderThanSchema } from './errors.ts';
import type { Facts } from './facts.ts';
import { namesOf } from './names.ts';
import type { Progress } from './progress.ts';

/** In a row: one healthy answer may be luck. */
const TIMES = 3;
/** With half of the processors. */
const SLOWER = 2;

/** Has the image of the code that is to be tried. */
export async function haveImage(ops: Ops, facts: Facts, progress: Progress): Promise<string> {
  progress.imageId = await imageFor(ops, facts);
  return progress.imageId;
}

/** Starts the two stores, and meanwhile reads the backup's files to their end. */
export async function haveStores(ops: Ops, facts: Facts, progress: Progress): Promise<void> {
  const [database] = await allEnded([
    startStores(ops, facts, progress),
    checkFiles(facts.backup).catch((error: unknown) => {
      throw backupFailed(error);
    }),
  ]);
  const { databaseBytes, files } = facts.backup.manifest;
  await refuseWithoutServerDisk(ops, database, databaseBytes * 1.1 + files.dump.size);
  progress.database = database;
}

/** Restores the backup and compares it, table by table. */
export async function restore(ops: Ops, facts: Facts, progress: Progress): Promise<void> {
  const started = ops.clock.monotonic();
  await restoreDatabase(ops, databaseOf(progress), facts.backup, { roles: 'saved', inPlace: true }).catch(
    (error: unknown) => {
      throw backupFailed(error);
    },
  );
  progress.restoreMs = since(ops, started);
}

/** Runs what migrations the code has beyond the backup, and watches which locks they hold. */
export async function migrateRestored(ops: Ops, facts: Facts, progress: Progress): Promise<void> {
  const started = ops.clock.monotonic();
  const database = databaseOf(progress);
  let older: OpsError | undefined;
  try {
    const oneOff = await startApp(ops, facts, progress, 'oneOff', ['sleep', '86400']);
    const schema = await inspectSchema(ops, database);
    const former = schema.kind === 'versioned' ? schema.revision : undefined;
    const { head, known } = await readRevisions(ops, oneOff.id, ops.target.app.root, former);
    older = former !== undefined && !known ? olderThanSchema(former, head) : undefined;
    if (older) throw older;
    const locks = watchLocks(ops, database);
    try {
      progress.migrated = await migrate(ops, database, oneOff.id, { head, schema });
    } finally {
      progress.longestLock = await locks.stop();
    }
  } catch (error) {
    throw older ?? migrationFailed(error);
  }
  await discardContainer(ops, namesOf(ops, facts.stack.project).oneOff);
  progress.migrateMs = since(ops, started);
}

/** Boots the code on the restored data as its image starts by itself, and asks from inside whether it is healthy, deeply too. */
export async function boot(ops: Ops, facts: Facts, progress: Progress): Promise<void> {
  const started = ops.clock.monotonic();
  const app = await startApp(ops, facts, progress, 'app');
  const inside = { ...ops, net: netInside(ops, app.id) };
  const { nginx, direct } = ops.target.ports;
  const endpoints = { nginx: `http://127.0.0.1:${nginx}`, direct: `http://127.0.0.1:${direct}` };
  try {
    // Asked through the container, so first whether that still runs.
    progress.health = await waitForHealth(inside, endpoints, () => throwIfEnded(ops, app, 'app'), {
      deadlineMs: ops.target.bootSeconds * 1000 * SLOWER,
      intervalMs: 250,
      times: TIMES,
      timeoutMs: 10_000,
    });
  } catch (error) {
    ops.signal.throwIfAborted();
    throw appFailed(error, await itsWords(ops, app.id));
  }
  progress.bootMs = since(ops, started);
  progress.recoverMs = since(ops, progress.startedAt);
}

/** Last lines of the application's logs; nothing when it can't be asked. */
async function itsWords(ops: Ops, container: string): Promise<string> {
  const script = 'tail -q -n 6 "$1"/logs/*.log 2>/dev/null || :';
  const words = exec('read', container, ['sh', '-c', script, 'tail', ops.target.app.userdata]);
  return printable(ops.secrets.redact(await ask(ops, words, [0, 1, 126, 127, 137]).catch(() => '')));
}

/** Removes whatever the drill has made, by name, so that what was only begun goes too. */
export async function discard(ops: Ops, facts: Facts): Promise<void> {
  const names = namesOf(ops, facts.stack.project);
  const containers = [names.app, names.oneOff, names.postgres, names.redis];
  await allEnded(containers.map((name) => discardContainer(ops, name)));
  await discardNetwork(ops, names.network);
  if (facts.code.kind === 'build') await discardImage(ops, names.image);
}

/**
 * Nothing of the drill is left, and production's containers are the ones from before.
 *
 * @throws {OpsError} `needs-person`, with what to type.
 */
export async function proveGone(ops: Ops, facts: Facts): Promise<Text> {
  const [remains, now] = await Promise.all([remainsOfRun(ops), findContainers(ops, facts.stack)]);
  if (remains.length > 0) throw leftBehind(remains);
  const before = Object.values(facts.production);
  const same = before.filter((c) => Object.values(now).some((n) => n.id === c.id && n.state === c.state));
  const count = `${same.length}/${before.length}`;
  return {
    en: `Production was not touched (${count} containers are as before); nothing of the drill is left.`,
    zh: `生产环境未受影响 (${count} 个容器与之前一致), 演练资源已全部清除.`,
  };
}

export function restoreEvidence(facts: Facts, { restoreMs = 0 }: Progress): Text {
  const { contents, databaseBytes } = facts.backup.manifest;
  const rate = throughput(databaseBytes, restoreMs);
  const [tables, rows] = [contents.tables.length, contents.tables.reduce((sum, t) => sum + t.rows, 0)];
  return {
    en: `${tables} tables, ${rows} rows, every one compared; ${rate}/s`,
    zh: `${tables} 张表, ${rows} 行, 已逐项比对; ${rate}/s`,
  };
}

export const bootEvidence = ({ health }: Progress): Text => (health ? describeHealth(health) : { en: '', zh: '' });

/** `12.3 MB`, in a second. */
export function throughput(bytes: number, milliseconds: number): string {
  const rate = (bytes / Math.max(milliseconds, 1)) * 1000;
  return `${(rate / 1e6).toFixed(1)} MB`;
}

const since = (ops: Ops, started: number) => Math.round(ops.clock.monotonic() - started);

function databaseOf({ database }: Progress) {
  if (database === undefined) throw new Error('there is no server to restore into');
  return database;
}

/** A run that takes the deploy directory also removes what a drill has; it is noticed a little later than that. */
const NOTICED_MS = 1_000;

/**
 * What fails because the drill has to give way is no failure.
 *
 * @throws the reason for stopping, if there is one; else what `deed` threw.
 */
export async function unlessStopped<T>(ops: Ops, deed: () => Promise<T>): Promise<T> {
  try {
    return await deed();
  } catch (error) {
    await ops.clock.sleep(NOTICED_MS, ops.signal);
    throw error;
  }
}

/** A sentence of any error, for the record. */
export const reason = (error: unknown): string =>
  (error instanceof OpsError ? whatHappened(error).en : String(error)).slice(0, 500);
