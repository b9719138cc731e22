import { type Ops, runName } from '../../core/ops.ts';
import { ask, CommandError, change, run } from '../../core/run.ts';
import { discardContainer, discardImage, labelsOf, ownerLabels } from './helpers.ts';

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

/**
 * Gives a container of an image of another one, for as long as it is needed. It mounts nothing, does nothing, and is not started as yet: what the
 * other has of its own can be read there, whatever keeps that from being read or started.
 */
export async function withCopy<T>(ops: Ops, container: string, use: (copy: string) => Promise<T>): Promise<T> {
  const image = `whalefall-ops-copy:${runName(ops).slice(0, 16)}`;
  const labels = Object.entries(labelsOf(ops)).map(([key, value]) => `LABEL "${key}"="${value}"`);
  await commitContainer(ops, container, image, labels);
  try {
    const how = [...ownerLabels(ops), '--network', 'none', '--entrypoint', 'sleep'];
    const copy = await ask(ops, change(['docker', 'create', ...how, image, SECONDS]));
    return await use(copy).finally(() => discardContainer(ops, copy));
  } finally {
    await discardImage(ops, image);
  }
}

/** How long a container lasts that is only looked into. */
export const SECONDS = '86400';
