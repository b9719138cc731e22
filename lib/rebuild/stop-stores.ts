import type { Consent } from '../guard/consent.ts';
import { up, upNoStart } from '../host/compose.ts';
import { start, stop } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';
import { waitForPostgres } from '../postgres/ready.ts';
import { findContainers, findVolumes } from '../target/containers.ts';
import { databaseOf, databaseVolume } from '../target/database.ts';
import type { Container, Database, ServiceRole } from '../target/stack.ts';
import type { Facts } from './facts.ts';
import type { PutAside } from './put-aside.ts';

const READY_MS = 60_000;
/** PostgreSQL and Redis write out what they have; killed, they would have to recover. */
const STORE_GRACE_SECONDS = 60;

/** A service's container, not running; made if there is none, because only a container gives access to a volume's files. */
export async function stopped(ops: Ops, facts: Facts, aside: PutAside, role: ServiceRole): Promise<Container> {
  const { key } = facts.stack.services[role];
  const present = (await findContainers(ops, facts.stack))[role];
  if (present) {
    await stopStore(ops, aside, role, present);
    return present;
  }
  await run(ops, upNoStart(ops.target, [key]));
  const container = (await findContainers(ops, facts.stack))[role];
  if (container === undefined) throw new Error(`compose made no container for ${key}`);
  return container;
}

/** Notes it first, so that undoing starts again what was stopped half-way, too. */
export async function stopStore(ops: Ops, aside: PutAside, role: ServiceRole, container: Container): Promise<void> {
  aside.stoppedStores = new Set([...(aside.stoppedStores ?? []), role]);
  await run(ops, stop(container.id, STORE_GRACE_SECONDS));
}

/** The database, its server started if it does not run, without leaving in doubt which volume the consent is about. */
export async function runningDatabase(ops: Ops, facts: Facts, consent: Consent | undefined): Promise<Database> {
  let { postgres } = await findContainers(ops, facts.stack);
  const volume = databaseVolume(facts.volumes);
  if (postgres === undefined && consent && volume) {
    await run(ops, upNoStart(ops.target, [facts.stack.services.postgres.key]));
    ({ postgres } = await findContainers(ops, facts.stack));
    if (postgres) await consent.heldBy(ops, volume.name, postgres.id);
  }
  if (postgres?.state !== 'running') {
    await run(ops, up(ops.target, [facts.stack.services.postgres.key]));
    ({ postgres } = await findContainers(ops, facts.stack));
  }
  if (postgres === undefined) throw new Error('compose started no container for the database');
  const db = databaseOf(facts.stack, postgres, await findVolumes(ops, facts.stack));
  if (facts.containers.postgres?.state !== 'running') await waitForPostgres(ops, db, READY_MS);
  return db;
}

/** Starts again what the cold copies needed stopped, as far as it is still there. */
export async function restartStores(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  const now = await findContainers(ops, facts.stack);
  for (const role of ['postgres', 'redis'] as const) {
    const [before, present] = [facts.containers[role], now[role]];
    if (before?.state !== 'running' || present?.id !== before.id || !aside.stoppedStores?.has(role)) continue;
    await run(ops, stop(present.id, STORE_GRACE_SECONDS)); // to the end of a stop that is under way
    await run(ops, start(present.id));
  }
}
