import { allEnded } from '../../core/concurrency.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { change, run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { same } from '../../core/text.ts';
import type { VerifiedArchive } from '../../domain/backup/proofs.ts';
import { restoreVolumeData } from '../../domain/backup/volume-archive.ts';
import type { Consent } from '../../domain/data/consent.ts';
import { removeVolumes } from '../../domain/data/remove-volumes.ts';
import { restoreDatabase } from '../../domain/data/restore.ts';
import { noteMove } from '../../domain/ledger/moved-data.ts';
import { halt } from '../../domain/replacement/replace.ts';
import { noteStop } from '../../domain/replacement/stopped.ts';
import { removeOneOff } from '../../domain/replacement/try-start.ts';
import { findContainers, properName } from '../../domain/stack/containers.ts';
import { databaseVolume, type ServiceRole } from '../../domain/stack/stack.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { createFrom } from '../../tools/docker/definition.ts';
import { start } from '../../tools/docker/docker.ts';
import { discardContainer } from '../../tools/docker/helpers.ts';
import { holdersOf } from '../../tools/docker/same-volume.ts';
import type { Rebuild } from './rebuild.ts';
import { createStore, restartStores, startStores } from './stores.ts';

/** Deletes what was agreed to be deleted, and nothing else. */
export function removeStep(rebuild: Rebuild): Step<void, [Consent]> | undefined {
  const { plan, facts } = rebuild;
  if (plan.deletes.length === 0) return undefined;
  const ids = Object.values(facts.containers).map((c) => c.id.slice(0, 12));
  return {
    id: 'remove',
    title: { en: 'Delete the consented volumes', zh: '删除已确认的数据卷' },
    risk: 'deletes',
    commands: [`docker rm -f -v ${ids.join(' ')}`, `docker volume rm ${plan.deletes.map((v) => v.name).join(' ')}`],
    loses: same(plan.deletes.map((v) => `${v.name} (${v.createdAt})`).join(', ')),
    wayBack: { en: 'restored from the backup that counts', zh: '从最终备份恢复' },
    run: (ops, consent) => removeData(ops, rebuild, consent),
    undo: (ops) => bringBackData(ops, rebuild),
  };
}

/** Stops the stores and deletes exactly the consented volumes, each with its proof, and of the containers those that hold them. */
async function removeData(ops: Ops, rebuild: Rebuild, consent: Consent): Promise<void> {
  const { plan, facts, backup, archives } = rebuild;
  // It mounts what the application mounts, and the database that follows has been migrated already.
  if (plan.deletes.some((v) => v.role === 'app')) await removeOneOff(ops, facts);
  const holders = await holdersOf(ops, ...plan.deletes.map((v) => v.name));
  const ours = Object.entries(await findContainers(ops, facts.stack)) as [ServiceRole, Container][];
  const containers = ours.filter(([, { id }]) => holders.has(id));
  rebuild.stoppedStores = new Set(['postgres', 'redis']);
  const up = containers.filter(([, c]) => c.state === 'running');
  for (const [, c] of up) noteStop(ops, c);
  await allEnded(up.map(([role, c]) => halt(ops, role, c)));
  const database = databaseVolume(plan.deletes);
  const removable = plan.deletes.map((v) => {
    const saved = v === database ? backup : archives.get(v.name);
    if (saved === undefined) throw new Error(`volume ${v.name} was not saved`);
    return { name: v.name, saved };
  });
  rebuild.removed = true;
  noteMove(
    ops,
    'removing',
    removable.map((r) => [r.name, r.saved.kind]),
  );
  await removeVolumes(
    ops,
    removable,
    containers.map(([, c]) => c.id),
    consent,
  );
}

/** Puts back what was deleted, into new volumes of the same names. Looks first: what is still there is left alone. */
async function bringBackData(ops: Ops, rebuild: Rebuild): Promise<void> {
  const { facts, removed, backup, archives } = rebuild;
  if (!removed) return;
  const now = await findContainers(ops, facts.stack);
  const before = facts.containers.postgres;
  // No engine removes a volume that a container has: while that container is there, so is the data.
  if (before !== undefined && now.postgres?.id === before.id) {
    await restartStores(ops, rebuild);
    // Redis' container may be gone all the same; volumes go after all containers, so its data is still there.
    const wasRunning = facts.containers.redis?.state === 'running';
    if (wasRunning && now.redis === undefined) await run(ops, start((await remake(ops, rebuild, 'redis')).id));
    return;
  }
  if (backup?.kind === 'archive') await refill(ops, rebuild, 'postgres', backup);
  // What a server of another image has put into the new volume, the former one might not read: that one is restored into.
  const isSame = now.postgres === undefined || now.postgres.imageId === before?.imageId;
  // Started at once: it initialises its cluster while the other volumes are filled, and visitors wait.
  if (backup?.kind === 'backup' && isSame) await run(ops, start((await remake(ops, rebuild, 'postgres')).id));
  for (const archive of archives.values()) {
    const volume = facts.volumes.find((v) => v.name === archive.covers.name);
    if (volume) await refill(ops, rebuild, volume.role, archive);
  }
  const { database } = await startStores(ops, facts);
  // A new cluster: its roles come back, too, as they were just before.
  if (backup?.kind === 'backup') await restoreDatabase(ops, database, backup, { roles: 'saved' });
}

/** The container that had to go with its data, made again of what it was; one that has taken its place meanwhile goes. */
async function remake(ops: Ops, { facts, formers }: Rebuild, role: ServiceRole): Promise<Container> {
  const former = formers?.[role];
  const present = (await findContainers(ops, facts.stack))[role];
  if (present && present.id === former?.container.id) return present;
  if (present) {
    await halt(ops, role, present);
    await discardContainer(ops, present.id);
  }
  if (former === undefined) return createStore(ops, facts, role);
  return inspectContainer(ops, await createFrom(ops, former.definition, properName(former.container.name)));
}

/**
 * Puts archived files into a new volume. What its server has written there meanwhile is moved into a directory beside them: nothing
 * is deleted on the way back.
 */
async function refill(ops: Ops, rebuild: Rebuild, role: ServiceRole, archive: VerifiedArchive): Promise<void> {
  const container = await remake(ops, rebuild, role);
  const script = 'cd /v && mkdir "$1" && find . -mindepth 1 -maxdepth 1 ! -name "$1" -exec mv {} "$1"/ \\;';
  const directory = `.set-aside-${runName(ops).slice(0, 16)}`;
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
