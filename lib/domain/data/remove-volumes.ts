import { allEnded } from '../../core/concurrency.ts';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { change, run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { remove } from '../../tools/docker/docker.ts';
import { findVolume, holdersOf } from '../../tools/docker/same-volume.ts';
import { isSafeToDelete, type SafeToDelete } from '../backup/proofs.ts';
import { type Consent, isConsent } from './consent.ts';
import { isSuperseded, type Superseded } from './drop-database.ts';

/** A volume together with the proof that nothing is lost with it. */
export interface RemovableVolume {
  readonly name: string;
  readonly saved: SafeToDelete;
}

/**
 * Deletes exactly these volumes, and the stopped containers that hold them. Before the first one goes it is checked once more that each is
 * the volume that was consented to and saved, and that what was saved is intact on disk.
 *
 * @param containers ids of the stopped containers that may go with the volumes; nothing else may have them mounted.
 * @throws {OpsError} `precondition` when a proof does not hold any more; nothing was deleted then.
 */
export async function removeVolumes(
  ops: Ops,
  volumes: readonly RemovableVolume[],
  containers: readonly string[],
  consent: Consent,
): Promise<void> {
  if (!isConsent(consent) || !volumes.every((v) => isSafeToDelete(v.saved) && v.saved.covers.name === v.name))
    throw notProved();
  // Read before the checks: what they pass is then this volume or one that is noticed below.
  const before = await dates(ops, volumes);
  await allEnded(
    volumes.flatMap((v) => [consent.check(ops, v), v.saved.check(ops), checkHolders(ops, v.name, containers)]),
  );
  await allEnded(containers.map((id) => run(ops, remove(id))));
  // Nobody has them mounted now, so what the engine says of them can't have moved unless it is another one.
  const now = await dates(ops, volumes);
  for (const { name } of volumes) if (now.get(name) !== before.get(name)) throw changed(name);
  await allEnded(volumes.map(({ name }) => run(ops, change(['docker', 'volume', 'rm', name]))));
}

async function dates(ops: Ops, volumes: readonly RemovableVolume[]): Promise<Map<string, string>> {
  const found = await allEnded(volumes.map(({ name }) => findVolume(ops, name)));
  return new Map(volumes.map(({ name }, at) => [name, found[at]?.createdAt ?? '']));
}

async function checkHolders(ops: Ops, name: string, allowed: readonly string[]): Promise<void> {
  for (const id of await holdersOf(ops, name)) if (!allowed.includes(id)) throw changed(name);
}

/**
 * Deletes a volume with a cluster that an upgrade has put aside, and that no container has.
 *
 * @throws {OpsError} `precondition` without a consent that names it, and a proof that what came after it is saved.
 */
export async function removeRetainedVolume(
  ops: Ops,
  volume: { readonly name: string },
  consent: Consent,
  superseded: Superseded,
): Promise<void> {
  if (!isConsent(consent) || !isSuperseded(superseded)) throw notRemoved(volume.name);
  if ((await holdersOf(ops, volume.name)).size > 0) throw notRemoved(volume.name);
  await consent.check(ops, volume);
  await superseded.check(volume.name);
  await run(ops, change(['docker', 'volume', 'rm', volume.name]));
}

const notRemoved = (name: string) =>
  new OpsError({
    kind: 'precondition',
    what: {
      en: `Volume ${printable(name)} is deleted only with a consent that names it, a proof that what came after it is saved, and no container that has it.`,
      zh: `只有在获得指名确认, 证明后续数据已备份, 且没有容器使用时, 才会删除卷 ${printable(name)}.`,
    },
    state: { en: 'It was not deleted.', zh: '未删除该卷.' },
  });

const notProved = () =>
  unmet({
    en: 'Volumes are deleted only with a consent and a proof that each is saved.',
    zh: '只有在获得确认并证明每个卷都已备份之后, 才会删除数据卷.',
  });

const changed = (name: string) =>
  unmet(
    {
      en: `Volume ${name} is not any more as it was shown and saved; it was not deleted.`,
      zh: `卷 ${name} 与展示和备份时已不一致, 未删除该卷.`,
    },
    { en: 'Run the script again to see what is there now.', zh: '重新运行脚本以查看当前状态.' },
  );
