import { OpsError } from '../errors.ts';
import type { Consent } from '../guard/consent.ts';
import { removeVolumes } from '../guard/remove-volumes.ts';
import { upNoStart } from '../host/compose.ts';
import { stop } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';
import { restoreDatabase } from '../postgres/restore.ts';
import { inspectSchema } from '../postgres/revision.ts';
import { restoreVolumeData } from '../postgres/volume-archive.ts';
import { findContainers } from '../target/containers.ts';
import { restartStores } from './backup-steps.ts';
import type { Facts } from './facts.ts';
import type { RebuildPlan } from './plan.ts';
import type { PutAside } from './put-aside.ts';
import { startStores } from './stores.ts';

/** Stops the stores and deletes exactly the consented volumes, each with its proof. */
export async function removeData(ops: Ops, facts: Facts, plan: RebuildPlan, aside: PutAside, consent: Consent) {
  const containers = Object.values(await findContainers(ops, facts.stack));
  await Promise.all(containers.filter((c) => c.state === 'running').map((c) => run(ops, stop(c.id, 60))));
  const removable = plan.deletes.map((v) => {
    const saved = v.role === 'postgres' ? aside.backup : aside.archives.get(v.name);
    if (saved === undefined) throw new Error(`volume ${v.name} was not saved`);
    return { name: v.name, saved };
  });
  aside.removed = true;
  ops.journal.write({ event: 'note', key: 'removing', value: removable.map((r) => [r.name, r.saved.kind]) });
  await removeVolumes(
    ops,
    removable,
    containers.map((c) => c.id),
    consent,
  );
}

/** Puts back what was deleted, into new volumes of the same names. Looks first: what is still there is left alone. */
export async function bringBackData(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  if (!aside.removed) return;
  const now = await findContainers(ops, facts.stack);
  const before = facts.containers.postgres;
  // No engine removes a volume that a container has: while that container is there, so is the data.
  if (before !== undefined && now.postgres?.id === before.id) return restartStores(ops, facts);
  if (aside.backup?.kind === 'archive') {
    await refill(ops, facts, 'postgres', aside.backup);
  }
  for (const archive of aside.archives.values()) {
    const volume = facts.volumes.find((v) => v.name === archive.covers.name);
    if (volume) await refill(ops, facts, volume.role, archive);
  }
  const { database } = await startStores(ops, { ...facts, storesCurrent: false });
  if (aside.backup?.kind === 'backup') await restoreDatabase(ops, database, aside.backup);
}

async function refill(
  ops: Ops,
  facts: Facts,
  role: 'postgres' | 'redis' | 'app',
  archive: NonNullable<PutAside['archives'] extends Map<string, infer A> ? A : never>,
): Promise<void> {
  const present = (await findContainers(ops, facts.stack))[role];
  if (present && present.state !== 'created') throw alreadyStarted(archive.dir, role);
  await run(ops, upNoStart(ops.target, [facts.stack.services[role].key]));
  const container = (await findContainers(ops, facts.stack))[role];
  if (container) await restoreVolumeData(ops, container.id, archive);
}

/** After a migration on kept data: the schema and rows of the backup, if anything changed since. */
export async function bringBackSchema(ops: Ops, facts: Facts, aside: PutAside): Promise<void> {
  if (aside.removed || !aside.final || aside.backup?.kind !== 'backup') return;
  const { database } = await startStores(ops, facts);
  const now = await inspectSchema(ops, database).catch(() => undefined);
  const before = facts.database.kind === 'running' ? facts.database.revision : undefined;
  if (now?.kind === 'versioned' && now.revision === before) return;
  await restoreDatabase(ops, database, aside.backup);
}

const alreadyStarted = (dir: string, role: string) =>
  new OpsError({
    kind: 'command',
    what: {
      en: `The new ${role} container has already been started on a new volume, so the archived files were not put back.`,
      zh: `新的 ${role} 容器已在新卷上启动过, 未放回归档文件.`,
    },
    next: [
      {
        en: `They are intact in ${dir}.`,
        zh: `归档完好, 位于 ${dir}.`,
      },
    ],
  });
