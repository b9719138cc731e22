import { change, read } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { type Consent, isConsent } from './consent.ts';
import { isSuperseded, type Superseded } from './drop-database.ts';

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
  const holders = await ask(ops, read(['docker', 'ps', '-a', '-q', '--no-trunc', '--filter', `volume=${volume.name}`]));
  if (holders !== '') throw notRemoved(volume.name);
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
