import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, CommandError, read } from '../../core/run.ts';
import { inspectHba } from '../../tools/pg-hba/hba.ts';
import { summarizeContents } from '../../tools/postgres/contents.ts';
import { whatClusterHolds } from '../../tools/postgres/emptiness.ts';
import { identify } from '../../tools/postgres/identity.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { backupsOf } from '../backup/find.ts';
import { listBackups } from '../backup/manifest.ts';
import { firstPresent } from '../images/stand-in.ts';
import { readUpgrades, retainedCluster } from '../ledger/postgres-upgrades.ts';
import { readReleases } from '../ledger/releases.ts';
import { eachRun, entriesOf } from '../ledger/runs.ts';
import type { Containers } from '../stack/containers.ts';
import { type DataDirectory, findDataDirectories } from '../stack/data-directory.ts';
import type { DatabaseFacts, Facts } from '../stack/deployment.ts';
import { databaseVolume, loginOf, type Stack } from '../stack/stack.ts';
import { whyUnreadable } from './unreadable.ts';

type Deployed = Pick<Facts, 'stack' | 'containers' | 'volumes'>;

/** What is in the database. A server that does not run has its files looked at. Changes nothing. */
export async function surveyDatabase(ops: Ops, { stack, containers, volumes }: Deployed): Promise<DatabaseFacts> {
  const container = containers.postgres;
  const volume = databaseVolume(volumes);
  if (container?.state !== 'running') {
    if (container === undefined && volume === undefined) return { kind: 'none' };
    return { kind: 'stopped', found: await look(ops, stack, containers, volume ? [volume.name] : []) };
  }
  const db: Database = { container, ...loginOf(stack), volume: volume ?? { name: '', createdAt: '' } };
  try {
    return await readDatabase(ops, db);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    ops.signal.throwIfAborted();
    return (await readOnceStarted(ops, db, error)) ?? { kind: 'unreadable', ...(await whyUnreadable(ops, db, error)) };
  }
}

async function readDatabase(ops: Ops, db: Database): Promise<DatabaseFacts> {
  const [contents, hba, identity] = await Promise.all([
    summarizeContents(ops, db),
    inspectHba(ops, db),
    identify(ops, db),
  ]);
  const empty = identity.tables.length === 0 && (await whatClusterHolds(ops, db)).length === 0;
  return { kind: 'running', ...contents, remoteTrust: hba.remoteTrust.length, identity, empty };
}

/** A server that replays its WAL after a crash takes its time. */
const STARTS_WITHIN_MS = 30_000;

/**
 * Reads again when the server could not be reached because it was starting, or being restarted: the official image's first start does so
 * once. @returns undefined when that was not why.
 */
async function readOnceStarted(ops: Ops, db: Database, { output }: CommandError): Promise<DatabaseFacts | undefined> {
  if (output.exitCode !== NO_CONNECTION || !(await startsWithin(ops, db))) return undefined;
  return readDatabase(ops, db).catch(unlessExpected(ops));
}

/** Whether a server takes connections by TCP, or does so soon. */
export const startsWithin = async (ops: Ops, db: Database): Promise<boolean> =>
  (await waitForPostgres(ops, db, STARTS_WITHIN_MS).then(() => true, unlessExpected(ops))) ?? false;

const unlessExpected = (ops: Ops) => (error: unknown) => {
  ops.signal.throwIfAborted();
  if (!(error instanceof OpsError)) throw error;
  return undefined;
};

/** psql's, whatever kept it from a connection. */
const NO_CONNECTION = 2;

/** `undefined` when no image is here that could look. */
async function look(
  ops: Ops,
  { services }: Stack,
  { postgres, redis, app }: Containers,
  volumes: readonly string[],
): Promise<readonly DataDirectory[] | undefined> {
  const own = [postgres, redis, app].map((container) => container?.imageId);
  const image = await firstPresent(ops, [...own, services.postgres.image, services.app.image]);
  return image === undefined ? undefined : findDataDirectories(ops, image, volumes);
}

const LIST = ['docker', 'volume', 'ls', '-q', '--filter'];

/**
 * Data directories in volumes of this project, or that a backup names, which no service mounts: when what the services would mount has
 * nothing, that is where the data may be.
 */
export async function findDetached(
  ops: Ops,
  deployed: Deployed,
  database: DatabaseFacts,
): Promise<readonly DataDirectory[] | undefined> {
  const { stack, containers, volumes } = deployed;
  const backups = listBackups(ops.paths.backups).stored.map((s) => s.manifest);
  const last = backupsOf(ops, loginOf(stack).name)[0]?.manifest;
  const identifier = database.kind === 'running' ? database.identity.systemIdentifier : '';
  const missing = {
    postgres:
      database.kind === 'none' ||
      (database.kind === 'stopped' && database.found?.every((f) => f.of !== 'postgres')) ||
      (database.kind === 'running' &&
        (database.identity.tables.length === 0 || (last !== undefined && last.server.systemIdentifier !== identifier))),
    redis: stack.volumes.some((v) => v.role === 'redis' && v.holdsData && !volumes.some((e) => e.name === v.name)),
  };
  if (!missing.postgres && !missing.redis) return [];
  const present = await ask(ops, read(['docker', 'volume', 'ls', '-q']));
  const ofProject = await ask(ops, read([...LIST, `label=com.docker.compose.project=${stack.project}`]));
  const named = backups.map((m) => m.volume.name).filter((name) => present.split('\n').includes(name));
  // Put aside on purpose, as long as what came in its place is there.
  const upgraded = readUpgrades(ops.paths).filter((u) =>
    present.split('\n').includes((retainedCluster(u) === u.from ? u.to : u.from).volume),
  );
  const mounted = new Set([
    ...upgraded.map((u) => retainedCluster(u).volume),
    ...stack.volumes.map((v) => v.name),
    ...Object.values(containers).flatMap((c) => c.mounts.map((m) => m.source)),
  ]);
  const candidates = [...new Set([...ofProject.split('\n').filter(Boolean), ...named])].filter((v) => !mounted.has(v));
  const found = await look(ops, stack, containers, candidates);
  return found?.filter(
    (f) =>
      missing[f.of] &&
      // Beside a database with tables only the one that the last backup was taken of counts: others were left behind on purpose.
      (f.of === 'redis' ||
        identifier === '' ||
        hasNoTables(database) ||
        f.systemIdentifier === last?.server.systemIdentifier),
  );
}

const hasNoTables = (database: DatabaseFacts) => database.kind === 'running' && database.identity.tables.length === 0;

/** The note that names the cluster which a first installation has made. */
export const FIRST_INSTALL_NOTE = 'first-install';

/** Nothing of anybody's is there: provably, or because a first installation of ours that never got through has made it all. */
export function isFresh(
  ops: Ops,
  { containers, volumes }: Deployed,
  database: DatabaseFacts,
  keys: number | undefined,
): boolean {
  if (volumes.length === 0) return true;
  if (containers.app?.state === 'running' || keys) return false;
  switch (database.kind) {
    case 'none':
      return volumes.every((v) => v.role === 'postgres');
    case 'stopped':
      return database.found?.length === 0;
    case 'unreadable':
      return false;
    case 'running':
      return database.empty || ownUnfinished(ops, database.identity.systemIdentifier);
  }
}

function ownUnfinished(ops: Ops, systemIdentifier: string): boolean {
  if (readReleases(ops.paths).length > 0) return false;
  const runs = eachRun(ops.paths, (_, script) => script === 'deploy-prod-all');
  return [...runs].some((run) =>
    entriesOf(run, 'note').some((n) => n.key === FIRST_INSTALL_NOTE && n.value === systemIdentifier),
  );
}
