import { z } from 'zod';
import { type Ops, runName } from '../../core/ops.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { requireLocalEngine } from '../../tools/docker/engine.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { type Database, literal, queryOne } from '../../tools/postgres/psql.ts';
import { countRows } from '../../tools/postgres/row-counts.ts';
import { refuseWithoutServerDisk } from '../../tools/postgres/server-disk.ts';
import { endpointsOf } from '../app/endpoints.ts';
import { healthCheck } from '../app/health.ts';
import { surveyServed } from '../app/routes.ts';
import { findDatabaseBackup, requireComplete } from '../backup/find.ts';
import type { DatabaseManifest, Stored } from '../backup/manifest.ts';
import {
  type ClusterNow,
  clusterNow,
  globalsOf,
  missingTablespaces,
  type Roles,
  roleDifferences,
} from '../backup/roles.ts';
import { claimStack, refuseForeignVolumes } from '../data/claim.ts';
import { type DatabaseSize, databaseSizes, leftBy } from '../data/left-databases.ts';
import { refuseUnlessFits } from '../data/restore.ts';
import { entriesOf } from '../ledger/runs.ts';
import { eachUnfinished } from '../ledger/unfinished-runs.ts';
import { resolveStack } from '../stack/compose-config.ts';
import { type Containers, findContainers, findVolumes } from '../stack/containers.ts';
import { findSoleContainers } from '../stack/replicas.ts';
import { databaseOf, type Stack } from '../stack/stack.ts';
import type { Facts, Incoming, Swapped, Wanted } from './facts.ts';
import { noSuchDatabase, notRunning, paused, type Replication, refuseReplication } from './refusals.ts';
import { SWAP } from './steps.ts';

/**
 * Looks at the database, the application and what is to be restored; changes nothing.
 *
 * @throws {OpsError} `precondition` with whatever would make the restore fail: the database does not run, there is no such backup, it
 *   is not of this database, the disk can't hold a second copy.
 */
export async function surveyRestore(ops: Ops, wanted: Wanted): Promise<Facts> {
  const { stack, database, app } = await findDatabase(ops, findSoleContainers);
  if (app?.state === 'paused') throw paused(app);
  // From outside of the database, which may be what is broken or missing.
  const server = { ...database, name: 'template1' };
  const stored = wanted.kind === 'backup' ? findDatabaseBackup(ops, wanted.backup, database.name) : undefined;
  if (stored) requireComplete(stored);
  if (stored) await refuseUnlessFits(ops, server, database.name, stored.manifest);
  const sizes = await databaseSizes(ops, database);
  const before = sizes.find((s) => s.name === database.name);
  const swapped = findSwapped(ops, nameOf(wanted, stored), before, sizes);
  const running = app?.state === 'running' ? app : undefined;
  const [health, served, rows, disk, cluster, identity] = await Promise.all([
    running && healthCheck(ops, endpointsOf(ops.target, running)),
    running && surveyServed(ops, running).then((seen) => seen.served),
    countRows(ops, database),
    swapped ? undefined : stored && refuseWithoutServerDisk(ops, server, stored.manifest.databaseBytes),
    clusterNow(ops, server),
    identify(ops, server),
  ]);
  refuseReplication(database, await replicationOf(ops, database));
  const left = leftBy(database.name, sizes);
  let incoming: Incoming;
  if (stored) incoming = fromBackup(stored, cluster, wanted.kind === 'backup' ? wanted.roles : undefined);
  else {
    const kept = wanted.kind === 'back' ? wanted.database : '';
    const exists = sizes.some((s) => s.name === kept);
    if (swapped === undefined && !left.some((l) => l.name === kept && l.kind === 'before'))
      throw noSuchDatabase(kept, left, exists);
    incoming = {
      kind: 'kept',
      database: kept,
      rows: swapped ? undefined : await countRows(ops, { ...database, name: kept }),
    };
  }
  return {
    stack,
    database,
    identity,
    before,
    app,
    health,
    served,
    incoming,
    rows,
    left,
    disk,
    swapped,
    at: ops.clock.now(),
  };
}

const noted = z.object({ from: z.string(), oid: z.number(), before: z.string() });

/** What comes is known by this, and not by where its directory lies. */
const nameOf = (wanted: Wanted, stored: Stored<DatabaseManifest> | undefined): string =>
  wanted.kind === 'back' ? wanted.database : (stored?.manifest.id ?? '');

/** Asks the server and not only a journal: the swap may have been taken back since, or another one come. */
function findSwapped(
  ops: Ops,
  from: string,
  now: DatabaseSize | undefined,
  sizes: readonly DatabaseSize[],
): Swapped | undefined {
  for (const run of eachUnfinished(ops.paths, runName(ops))) {
    const value = entriesOf(run, 'note').findLast(({ key }) => key === SWAP)?.value;
    const note = noted.safeParse(value).data;
    if (note?.from !== from || note.oid !== now?.oid) continue;
    return { run: run.name, before: sizes.find(({ name }) => name === note.before)?.name };
  }
  return undefined;
}

/** The running database, and the application's container if there is one; `find` refuses several of it, or does not mind. @throws {OpsError} `precondition` */
export async function findDatabase(
  ops: Ops,
  find: (ops: Ops, stack: Stack) => Promise<Containers> = findContainers,
): Promise<{ stack: Stack; database: Database; app: Container | undefined }> {
  const [stack] = await Promise.all([resolveStack(ops), requireLocalEngine(ops)]);
  await claimStack(ops, stack);
  const [{ postgres, app }, volumes] = await Promise.all([find(ops, stack), findVolumes(ops, stack)]);
  refuseForeignVolumes(stack, volumes);
  if (postgres?.state !== 'running') throw notRunning(stack.services.postgres.key, postgres);
  return { stack, database: databaseOf(stack, postgres, volumes), app };
}

function fromBackup(stored: Stored<DatabaseManifest>, cluster: ClusterNow, roles: Roles = 'needed'): Incoming {
  const globals = globalsOf(stored);
  return {
    kind: 'backup',
    stored,
    roles,
    roleDifferences: roleDifferences(globals, cluster, stored.manifest, roles),
    missingTablespaces: missingTablespaces(globals, cluster),
  };
}

/** Names, of this database. */
async function replicationOf(ops: Ops, { container, user, name }: Database): Promise<Replication> {
  const server = { container, user, name: 'template1' };
  const sql = `SELECT json_build_object('subscriptions', (SELECT coalesce(json_agg(subname ORDER BY subname), '[]') FROM pg_subscription s
      JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = ${literal(name)}),
    'slots', (SELECT coalesce(json_agg(slot_name ORDER BY slot_name), '[]') FROM pg_replication_slots
      WHERE NOT temporary AND database = ${literal(name)}))`;
  return queryOne<Replication>(ops, server, sql);
}

/** Whether both health checks were healthy. */
export const serves = ({ health }: Facts): boolean => health?.healthy ?? false;
