import path from 'node:path';
import { change } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, run } from '../../core/run.ts';
import { createAdmin } from '../../domain/app/admin.ts';
import type { PreparedDatabase } from '../../domain/replacement/state.ts';
import { databaseVolume, loginOf } from '../../domain/stack/database.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { copyOut } from '../../tools/docker/container-files.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { stop } from '../../tools/docker/docker.ts';
import { discardContainer, discardNetwork, ownerLabels } from '../../tools/docker/helpers.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import { look } from './inspect-database.ts';
import { migrateAndSeed } from './stores.ts';

const READY_MS = 60_000;
const GRACE_SECONDS = 60;

/**
 * Makes the database that will follow a deletion, while the old one still serves: on a network of its own, where the service name
 * of the database means the new server, without any of the project's volumes. What would go wrong in an empty database goes wrong
 * here, where it harms nobody, and the outage has not to wait for it.
 */
export async function prepareDatabase(
  ops: Ops,
  facts: Facts,
  imageId: string,
  head: string,
): Promise<PreparedDatabase> {
  const names = namesOf(ops, facts);
  const volume = databaseVolume(facts.stack.volumes);
  if (volume === undefined) throw new Error('the database has no volume');
  try {
    await run(ops, change(['docker', 'network', 'create', '--internal', ...ownerLabels(ops), names.network]));
    const [server, oneOff] = await Promise.all([
      startServer(ops, facts, names),
      startOneOff(ops, facts, names, imageId),
    ]);
    const db = { container: server, ...loginOf(facts.stack), volume: { name: '', createdAt: '' } };
    await waitForPostgres(ops, db, READY_MS);
    const migrated = await migrateAndSeed(ops, db, { oneOff, head });
    const admin = await createAdmin(ops, oneOff);
    const seen = await look(ops, facts, db);
    await run(ops, stop(server.id, GRACE_SECONDS));
    const file = path.join(ops.paths.run, 'prepared-database.tar');
    if (!(await copyOut(ops, server.id, volume.mountPoint, file)))
      throw new Error('the prepared database has no files');
    return { file, mountPoint: volume.mountPoint, migrated, admin, seen };
  } finally {
    await discardPreparation(ops, facts);
  }
}

/** Removes what the preparation needed, by name, also after an interruption. */
export async function discardPreparation(ops: Ops, facts: Facts): Promise<void> {
  const { network, server, oneOff } = namesOf(ops, facts);
  await Promise.all([discardContainer(ops, server), discardContainer(ops, oneOff)]);
  await discardNetwork(ops, network);
}

function namesOf(ops: Ops, facts: Facts) {
  const prefix = `${facts.stack.project}-prepare-${path.basename(ops.paths.run).slice(0, 16)}`;
  return { network: prefix, server: `${prefix}-postgres`, oneOff: `${prefix}-app` };
}

type Names = ReturnType<typeof namesOf>;

async function startServer(ops: Ops, facts: Facts, names: Names): Promise<Container> {
  const { postgres } = facts.stack.services;
  const env = postgres.environment;
  const id = await ask(
    ops,
    change(
      [
        ...['docker', 'run', '-d', '--pull', 'never', '--name', names.server, ...ownerLabels(ops)],
        ...['--network', names.network, '--network-alias', postgres.key],
        ...Object.keys(env).flatMap((name) => ['-e', name]),
        facts.containers.postgres?.imageId ?? postgres.image,
      ],
      { env },
    ),
  );
  return inspectContainer(ops, id);
}

async function startOneOff(ops: Ops, facts: Facts, names: Names, imageId: string): Promise<string> {
  const env = facts.stack.services.app.environment;
  return ask(
    ops,
    change(
      [
        ...['docker', 'run', '-d', '--pull', 'never', '--name', names.oneOff, ...ownerLabels(ops)],
        ...['--network', names.network],
        ...Object.keys(env).flatMap((name) => ['-e', name]),
        ...['-v', `${path.join(ops.target.dir, '.env')}:${ops.target.app.root}/.env:ro`],
        ...['--entrypoint', 'sleep', imageId, '86400'],
      ],
      { env },
    ),
  );
}
