import path from 'node:path';
import { change } from '../../core/command.ts';
import { allEnded } from '../../core/concurrency.ts';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import type { VerifiedArchive } from '../../domain/backup/proofs.ts';
import { restoreVolumeData } from '../../domain/backup/volume-archive.ts';
import type { Consent } from '../../domain/data/consent.ts';
import { removeVolumes } from '../../domain/data/remove-volumes.ts';
import { restoreDatabase } from '../../domain/data/restore.ts';
import { removeOneOff } from '../../domain/replacement/one-off.ts';
import { halt, holdersOf } from '../../domain/replacement/replace.ts';
import type { PutAside } from '../../domain/replacement/state.ts';
import { MIGRATION_NAME } from '../../domain/schema/flask-db.ts';
import { changesSince } from '../../domain/schema/schema-objects.ts';
import { findContainers, findVolumes, properName } from '../../domain/stack/containers.ts';
import { databaseOf, databaseVolume } from '../../domain/stack/database.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { createFrom } from '../../tools/docker/definition.ts';
import { start } from '../../tools/docker/docker.ts';
import { discardContainer } from '../../tools/docker/helpers.ts';
import { endSessions } from '../../tools/postgres/psql.ts';
import type { RebuildPlan } from './plan.ts';
import { restartStores, stopped } from './stop-stores.ts';
import { bringBackStores, startStores } from './stores.ts';

/** Stops the stores and deletes exactly the consented volumes, each with its proof, and of the containers those that hold them. */
export async function removeData(ops: Ops, facts: Facts, plan: RebuildPlan, aside: PutAside, consent: Consent) {
  // It mounts what the application mounts, and the database that follows has been migrated already.
  if (plan.deletes.some((v) => v.role === 'app')) await removeOneOff(ops, facts);
  const holders = await holdersOf(
    ops,
    plan.deletes.map((v) => v.name),
  );
  const ours = Object.entries(await findContainers(ops, facts.stack)) as [ServiceRole, Container][];
  const containers = ours.filter(([, { id }]) => holders.has(id));
  aside.stoppedStores = new Set(['postgres', 'redis']);
  await allEnded(containers.filter(([, c]) => c.state === 'running').map(([role, c]) => halt(ops, role, c)));
  const database = databaseVolume(plan.deletes);
  const removable = plan.deletes.map((v) => {
    const saved = v === database ? aside.backup : aside.archives.get(v.name);
    if (saved === undefined) throw new Error(`volume ${v.name} was not saved`);
    return { name: v.name, saved };
  });
  aside.removed = true;
  ops.journal.write({ event: 'note', key: 'removing', value: removable.map((r) => [r.name, r.saved.kind]) });
  await removeVolumes(
    ops,
    removable,
    containers.map(([, c]) => c.id),
    consent,
  );
}

/** Puts back what was deleted, into new volumes of the same names. Looks first: what is still there is left alone. */
export async function bringBackData(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  if (!aside.removed) return;
  const now = await findContainers(ops, facts.stack);
  const before = facts.containers.postgres;
  // No engine removes a volume that a container has: while that container is there, so is the data.
  if (before !== undefined && now.postgres?.id === before.id) {
    await restartStores(ops, facts, aside);
    // Redis' container may be gone all the same; volumes go after all containers, so its data is still there.
    const wasRunning = facts.containers.redis?.state === 'running';
    if (wasRunning && now.redis === undefined) await run(ops, start((await remake(ops, facts, aside, 'redis')).id));
    return;
  }
  if (aside.backup?.kind === 'archive') {
    await refill(ops, facts, aside, 'postgres', aside.backup);
  }
  for (const archive of aside.archives.values()) {
    const volume = facts.volumes.find((v) => v.name === archive.covers.name);
    if (volume) await refill(ops, facts, aside, volume.role, archive);
  }
  // What a server of another image has put into the new volume, the former one might not read: that one is restored into.
  const isSame = now.postgres === undefined || now.postgres.imageId === before?.imageId;
  if (aside.backup?.kind === 'backup' && isSame) await remake(ops, facts, aside, 'postgres');
  const { database } = await startStores(ops, facts);
  // A new cluster: its roles come back, too, as they were just before.
  if (aside.backup?.kind === 'backup') await restoreDatabase(ops, database, aside.backup, { roles: 'saved' });
}

/** The container that had to go with its data, made again of what it was; one that has taken its place meanwhile goes. */
async function remake(ops: Ops, facts: Facts, { formers }: PutAside, role: ServiceRole): Promise<Container> {
  const former = formers?.[role];
  const present = (await findContainers(ops, facts.stack))[role];
  if (present && present.id === former?.container.id) return present;
  if (present) {
    await halt(ops, role, present);
    await discardContainer(ops, present.id);
  }
  if (former === undefined) return stopped(ops, facts, {}, role);
  return inspectContainer(ops, await createFrom(ops, former.definition, properName(former.container.name)));
}

/**
 * Puts archived files into a new volume. What its server has written there meanwhile is moved into a directory beside them: nothing
 * is deleted on the way back.
 */
async function refill(
  ops: Ops,
  facts: Facts,
  aside: PutAside,
  role: ServiceRole,
  archive: VerifiedArchive,
): Promise<void> {
  const container = await remake(ops, facts, aside, role);
  const script = 'cd /v && mkdir "$1" && find . -mindepth 1 -maxdepth 1 ! -name "$1" -exec mv {} "$1"/ \\;';
  const directory = `.set-aside-${path.basename(ops.paths.run).slice(0, 16)}`;
  const mount = `${archive.covers.name}:/v`;
  await run(
    ops,
    change([
      ...['docker', 'run', '--rm', '--network', 'none', '--pull', 'never', '--user', '0', '-v', mount],
      ...['--entrypoint', 'sh', container.imageId, '-c', script, 'set-aside', directory],
    ]),
  );
  await restoreVolumeData(ops, container.id, archive);
}

/**
 * After a migration on kept data: the schema and rows of the backup, if anything changed since. A migration that was interrupted may
 * still run in its container and in the server: both ends are cut first.
 */
export async function bringBackSchema(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  if (!(await removeOneOff(ops, facts))) throw mayStillMigrate();
  const { postgres } = await findContainers(ops, facts.stack);
  if (postgres?.state === 'running') {
    await endSessions(ops, databaseOf(facts.stack, postgres, await findVolumes(ops, facts.stack)), MIGRATION_NAME);
  }
  await bringBackStores(ops, facts, aside);
  const { schemaBefore, backup } = aside;
  if (aside.removed || schemaBefore === undefined) return;
  // What was made in an empty database stays: the next run goes on from there.
  if (![...schemaBefore.keys()].some((name) => name.startsWith('table '))) return;
  const { database } = await startStores(ops, facts);
  const stays = await changesSince(ops, database, schemaBefore).catch(() => ['?']);
  // What commits on its way may have changed rows, and no schema tells.
  if (stays.length === 0 && facts.midway.length === 0) return;
  if (!aside.final || backup?.kind !== 'backup') throw schemaStays(stays, backup?.dir);
  await restoreDatabase(ops, database, backup);
}

const mayStillMigrate = () =>
  new OpsError({
    kind: 'command',
    what: {
      en: 'The container in which the migration ran could not be removed, so the migration may still go on.',
      zh: '执行迁移的容器未能删除, 迁移可能仍在进行.',
    },
  });

/** @param dir of what was saved before, if anything was. */
const schemaStays = (stays: readonly string[], dir: string | undefined) => {
  const names = stays.slice(0, 12).map(printable).join(', ') || '-';
  return new OpsError({
    kind: 'command',
    what: {
      en: `The database was migrated and could not be dumped before, so its former schema was not put back (${names}).${dir ? ` Its files from before are in ${dir}.` : ''}`,
      zh: `数据库已被迁移, 且之前无法导出, 因此没有恢复原来的表结构 (${names}).${dir ? ` 迁移前的数据文件位于 ${dir}.` : ''}`,
    },
  });
};
