import type { Ops } from '../../core/ops.ts';
import { CommandError, change, run } from '../../core/run.ts';

/** A layer of gigabytes takes minutes. */
const DEADLINE_MS = 600_000;
const TRIES = 3;

/**
 * Makes an image of a container, which goes on serving: it is not paused.
 *
 * The containerd image store, the default since engine 29, gives up when a file grows or shrinks while it is read, as a log does
 * (containerd/nerdctl#3791). Then it is done again, and in the end with the container paused: the engine lets it go on when the layer is read,
 * and requests wait as long.
 *
 * @param reference the image's name.
 * @param changes lines as in a Dockerfile.
 */
export async function commitContainer(
  ops: Ops,
  container: string,
  reference: string,
  changes: readonly string[] = [],
): Promise<void> {
  const marks = changes.flatMap((line) => ['--change', line]);
  const commit = (...how: string[]) =>
    run(ops, change(['docker', 'commit', ...how, ...marks, container, reference], { deadlineMs: DEADLINE_MS }));
  for (let left = TRIES; left > 0; left -= 1) {
    try {
      await commit('--pause=false');
      return;
    } catch (error) {
      if (!(error instanceof CommandError) || !/archive\/tar: /.test(error.output.stderr)) throw error;
    }
  }
  await commit();
}
