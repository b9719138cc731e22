import type { Ops } from '../../core/ops.ts';
import { ask, CommandError, read } from '../../core/run.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { isWithin } from '../../tools/docker/places.ts';
import { ancestors } from '../../tools/git/collisions.ts';
import { MARKER } from '../app/marker.ts';

/** A file or directory of a container that its image has in another way, or not at all. */
export interface LayerChange {
  /** `A`dded, `C`hanged, `D`eleted. A directory that was made anew is deleted, and what is in it is added. */
  readonly kind: string | undefined;
  readonly file: string;
}

/** What a container has of its own. Takes about a second, and holds up everything else that is asked of the container. */
export async function layerOf(ops: Ops, container: Container): Promise<readonly LayerChange[]> {
  const diff = await ask(ops, read(['docker', 'diff', container.id], { deadlineMs: 60_000 })).catch(
    (error: unknown) => {
      // A wreck whose layer is gone has nothing of its own any more.
      if (error instanceof CommandError && error.kind === 'command' && container.state !== 'running') return '';
      throw error;
    },
  );
  return diff.split('\n').flatMap((line) => (line === '' ? [] : [{ kind: line[0], file: line.slice(2) }]));
}

/** Whether files of the application are among what a container has of its own: somebody hot-updated it. */
export function hasDrifted(
  { target }: Pick<Ops, 'target'>,
  { mounts }: Pick<Container, 'mounts'>,
  layer: readonly LayerChange[],
): boolean {
  const { root, userdata } = target.app;
  // The engine makes them, and the directories above them, where the image has none.
  const mountPoints = new Set(mounts.flatMap(({ target: at }) => [at, ...ancestors(at)]));
  const ours = (file: string) =>
    file.startsWith(`${root}/`) &&
    file !== `${root}/.env` &&
    !mountPoints.has(file) &&
    file !== `${root}/${MARKER}` &&
    !isWithin(file, userdata) &&
    !/\/__pycache__(\/|$)|\.pyc$/.test(file);
  // A directory is listed as changed when anything in it is: only files and new or deleted things count.
  const parents = new Set(layer.flatMap(({ file }) => ancestors(file)));
  return layer.some(({ kind, file }) => ours(file) && !(kind === 'C' && parents.has(file)));
}
