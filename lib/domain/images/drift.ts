import type { Ops } from '../../core/ops.ts';
import { ask, CommandError, read } from '../../core/run.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { ancestors } from '../../tools/git/collisions.ts';
import { MARKER } from '../app/marker.ts';

/**
 * Whether files of the application were changed after the container was made: somebody hot-updated it. Takes about a second, and
 * holds up everything else that is asked of the container.
 */
export async function hasDrifted(ops: Ops, container: Container): Promise<boolean> {
  const diff = await ask(ops, read(['docker', 'diff', container.id], { deadlineMs: 60_000 })).catch(
    (error: unknown) => {
      // A wreck whose layer is gone has nothing of its own any more.
      if (error instanceof CommandError && error.kind === 'command' && container.state !== 'running') return '';
      throw error;
    },
  );
  return changesApplication(ops, container, diff);
}

function changesApplication(ops: Ops, { mounts }: Container, diff: string): boolean {
  const { root, userdata } = ops.target.app;
  // The engine makes them, and the directories above them, where the image has none.
  const mountPoints = new Set(mounts.flatMap(({ target }) => [target, ...ancestors(target)]));
  const ours = (file: string) =>
    file.startsWith(`${root}/`) &&
    file !== `${root}/.env` &&
    !mountPoints.has(file) &&
    file !== `${root}/${MARKER}` &&
    file !== userdata &&
    !file.startsWith(`${userdata}/`) &&
    !/\/__pycache__(\/|$)|\.pyc$/.test(file);
  // A directory is listed as changed when anything in it is: only files and new or deleted things count.
  const lines = diff.split('\n').map((line) => ({ kind: line[0], file: line.slice(2) }));
  const parents = new Set(lines.flatMap(({ file }) => ancestors(file)));
  return lines.some(({ kind, file }) => ours(file) && !(kind === 'C' && parents.has(file)));
}
