import { z } from 'zod';
import { unmet } from '../../core/refusal.ts';
import { ask, type RunOps, read } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import type { KnownVolume, VolumeIdentity } from './containers.ts';
import { lookUp } from './lookup.ts';

export const volumeForm = z.object({
  CreatedAt: z.string(),
  Driver: z.string(),
  Options: z.record(z.string(), z.string()).nullish(),
});

const inspected = z.tuple([volumeForm]);
const mounts = z.array(z.object({ Type: z.string(), Name: z.string().optional() }));

/**
 * Whether `docker volume rm` leaves the files where they are, and a new volume of that definition has them again: those of a directory or a
 * server that somebody named, and a plugin's, of which nobody can tell.
 */
export const filesStay = ({ Driver, Options }: Pick<z.infer<typeof volumeForm>, 'Driver' | 'Options'>): boolean =>
  Driver !== 'local' || (Options?.['device'] !== undefined && Options['type'] !== 'tmpfs');

/** The volume as the engine reports it now; undefined when there is none of this name. */
export async function findVolume(
  ops: RunOps,
  name: string,
): Promise<(VolumeIdentity & { readonly filesStay: boolean }) | undefined> {
  const { stdout, exitCode } = await lookUp(ops, 'volume', name);
  if (exitCode === 1) return undefined;
  const [found] = answerOf('docker volume inspect', inspected, stdout);
  return { name, createdAt: found.CreatedAt, filesStay: filesStay(found) };
}

/**
 * Call it before the containers are removed, at least once; afterwards only what does not touch the volume may happen.
 *
 * @throws {OpsError} `precondition` when the volume is gone, or cannot be proved to be the same.
 */
export async function checkSameVolume(ops: RunOps, known: KnownVolume): Promise<void> {
  const now = await findVolume(ops, known.name);
  if (now?.createdAt === known.createdAt) return;
  if (now !== undefined && (await holds(ops, known.holder, known.name))) return;
  const name = printable(known.name);
  throw unmet(
    now === undefined
      ? { en: `Volume ${name} is not there any more.`, zh: `数据卷 ${name} 已不存在.` }
      : {
          en: `Volume ${name} can't be proved to be the one that was saved (created ${known.createdAt}, now ${now.createdAt}).`,
          zh: `无法证明数据卷 ${name} 就是备份时的那个卷 (创建于 ${known.createdAt}, 现为 ${now.createdAt}).`,
        },
  );
}

/** Ids of all containers that have one of these volumes mounted. */
export async function holdersOf(ops: RunOps, ...volumes: readonly string[]): Promise<ReadonlySet<string>> {
  const list = (name: string) => read(['docker', 'ps', '-a', '-q', '--no-trunc', '--filter', `volume=${name}`]);
  const ids = await Promise.all(volumes.map((name) => ask(ops, list(name))));
  return new Set(ids.flatMap((lines) => lines.split('\n')).filter(Boolean));
}

async function holds(ops: RunOps, container: string, volume: string): Promise<boolean> {
  const answer = await ask(ops, read(['docker', 'inspect', '-f', '{{json .Mounts}}', container]), [0, 1]);
  if (answer.trim() === '') return false;
  return answerOf('docker inspect', mounts, answer).some((m) => m.Type === 'volume' && m.Name === volume);
}
