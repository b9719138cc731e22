import { change, read } from '../../core/command.ts';
import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { ask, run } from '../../core/run.ts';
import { remove } from '../../tools/docker/docker.ts';
import { findVolume } from '../../tools/docker/same-volume.ts';
import { isSafeToDelete, type SafeToDelete } from '../backup/proofs.ts';
import { type Consent, isConsent } from './consent.ts';

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
  const holders = await ask(ops, read(['docker', 'ps', '-a', '-q', '--no-trunc', '--filter', `volume=${name}`]));
  if (holders.split('\n').some((id) => id !== '' && !allowed.includes(id))) throw changed(name);
}

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
