import path from 'node:path';
import { change } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { pull } from '../../tools/docker/compose.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { tag } from '../../tools/docker/docker.ts';
import type { Facts } from '../stack/deployment.ts';
import type { Stack } from '../stack/stack.ts';
import { imageId } from './build.ts';
import { hasDrifted } from './drift.ts';

/** The image that runs before the rebuild, under a tag that no later build moves. */
export interface PreviousImage {
  readonly id: string;
  readonly reference: string;
}

/** Registries with ports are left alone. */
const repositoryOf = (image: string): string => image.replace(/(@[^/]*|:[^/:]+)$/, '');

/** `whalefall:prod` → `whalefall:before-20260102T030405Z`. */
export const previousReference = (image: string, run: string): string =>
  `${repositoryOf(image)}:before-${path.basename(run).slice(0, 16)}`;

/**
 * Gives the image of which a container was made a name that no build takes: `whalefall:running`. With the containerd image store an image
 * without a name loses its content although a container runs from it, and that container can't be committed any more.
 */
export async function nameRunning(ops: Ops, stack: Stack, container: Container): Promise<void> {
  await run(ops, tag(container.imageId, `${repositoryOf(stack.services.app.image)}:running`));
}

/**
 * Tags what serves now, so that neither the build nor a later prune takes it away. A container that was hot-updated differs
 * from its image: then its files are committed to an image of their own. `undefined` when there is none, or not any more.
 */
export async function keepPreviousImage(ops: Ops, facts: Facts): Promise<PreviousImage | undefined> {
  const { image } = facts.stack.services.app;
  const reference = previousReference(image, ops.paths.run);
  const container = facts.containers.app;
  const current = container?.imageId ?? (await imageId(ops, image));
  if (current === undefined) return undefined;
  if (container && (await imageId(ops, container.imageId)) === undefined) {
    ops.screen.show({ event: 'warning', text: LOST });
    return undefined;
  }
  if (container) await nameRunning(ops, facts.stack, container);
  if (container && (await hasDrifted(ops, container))) {
    ops.screen.show({ event: 'warning', text: HOT_UPDATED });
    await run(ops, change(['docker', 'commit', '--pause=false', container.id, reference], { deadlineMs: 600_000 }));
  } else {
    await run(ops, tag(current, reference));
  }
  const id = await imageId(ops, reference);
  if (id === undefined) throw new Error(`${reference} is not there after it was made`);
  const previous = { id, reference };
  ops.journal.write({ event: 'note', key: 'previous-image', value: previous });
  return previous;
}

const HOT_UPDATED: Text = {
  en: 'The running application was hot-updated: its files differ from its image. They are kept in the way back.',
  zh: '运行中的应用做过热更新, 容器内文件与镜像不同. 这些文件会保留在回退镜像中.',
};

const LOST: Text = {
  en: 'The image of the running container is gone (a build has taken its name): it cannot be kept to go back to later. Until the new container is proved, the way back is the running container itself.',
  zh: '运行中容器的镜像已不存在 (名称已被其他构建占用), 无法保留供以后回退. 在新容器通过验证之前, 回退方式是原容器本身.',
};

/** Fetches the images of PostgreSQL and Redis where they are missing; what is there is left as it is. */
export async function fetchStoreImages(ops: Ops, facts: Facts): Promise<void> {
  const { postgres, redis } = facts.stack.services;
  const missing: string[] = [];
  for (const { key, image } of [postgres, redis]) if ((await imageId(ops, image)) === undefined) missing.push(key);
  const [first, ...others] = missing;
  if (first !== undefined) await run(ops, pull(ops.target, [first, ...others]));
}

/** Points the service's image name back at the previous image. */
export async function restoreImage(ops: Ops, facts: Facts, previous: PreviousImage | undefined): Promise<void> {
  if (previous) await run(ops, tag(previous.id, facts.stack.services.app.image));
}
