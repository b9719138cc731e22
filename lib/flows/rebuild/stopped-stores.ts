import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Consent } from '../../domain/data/consent.ts';
import { createBeside, halt, withdraw } from '../../domain/replacement/replace.ts';
import { noteStop } from '../../domain/replacement/stopped.ts';
import { findAllContainers, findContainers, findVolumes } from '../../domain/stack/containers.ts';
import { databaseOf, databaseVolume } from '../../domain/stack/database.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { start } from '../../tools/docker/docker.ts';
import type { Database } from '../../tools/postgres/database.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import type { Rebuild } from './rebuild.ts';

const READY_MS = 60_000;

/** A service's container, not running; made if there is none, because only a container gives access to a volume's files. */
export async function stopped(ops: Ops, rebuild: Rebuild, role: ServiceRole): Promise<Container> {
  const present = (await findContainers(ops, rebuild.facts.stack))[role];
  if (present === undefined) return createStore(ops, rebuild.facts, role);
  await stopStore(ops, rebuild, role, present);
  return present;
}

/** The container of a service that has none. */
export async function createStore(ops: Ops, facts: Facts, role: ServiceRole): Promise<Container> {
  return inspectContainer(ops, (await createBeside(ops, facts.stack, role)).next);
}

/** Notes it first, so that undoing starts again what was stopped half-way, too, and the next run what this one had when it was killed. */
export async function stopStore(ops: Ops, rebuild: Rebuild, role: ServiceRole, container: Container): Promise<void> {
  rebuild.stoppedStores = new Set([...(rebuild.stoppedStores ?? []), role]);
  noteStop(ops, container);
  await halt(ops, role, container);
}

/** A service's container, started if it does not run, made if there is none. */
export async function running(
  ops: Ops,
  facts: Facts,
  role: ServiceRole,
  present: Container | undefined,
): Promise<Container> {
  if (present?.state === 'running') return present;
  // What has its place and dies again and again (a run was killed) would write to the same volume.
  for (const c of (await findAllContainers(ops, facts.stack))[role])
    if (c.id !== present?.id && c.state === 'restarting') await withdraw(ops, role, c);
  const { id } = present ?? (await createStore(ops, facts, role));
  await run(ops, start(id));
  return inspectContainer(ops, id);
}

/** The database, its server started if it does not run, without leaving in doubt which volume the consent is about. */
export async function runningDatabase(ops: Ops, facts: Facts, consent: Consent | undefined): Promise<Database> {
  let { postgres } = await findContainers(ops, facts.stack);
  const volume = databaseVolume(facts.volumes);
  if (postgres === undefined && consent && volume) {
    postgres = await createStore(ops, facts, 'postgres');
    await consent.heldBy(ops, volume.name, postgres.id);
  }
  postgres = await running(ops, facts, 'postgres', postgres);
  const db = databaseOf(facts.stack, postgres, await findVolumes(ops, facts.stack));
  if (facts.containers.postgres?.state !== 'running') await waitForPostgres(ops, db, READY_MS);
  return db;
}

/** Starts again what the cold copies needed stopped, as far as it is still there. */
export async function restartStores(ops: Ops, { facts, stoppedStores }: Rebuild): Promise<void> {
  const now = await findContainers(ops, facts.stack);
  for (const role of ['postgres', 'redis'] as const) {
    const [before, present] = [facts.containers[role], now[role]];
    if (before?.state !== 'running' || present?.id !== before.id || !stoppedStores?.has(role)) continue;
    await halt(ops, role, present); // to the end of a stop that is under way
    await run(ops, start(present.id));
  }
}
