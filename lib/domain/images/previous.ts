import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { pull } from '../../tools/docker/compose.ts';
import { tag } from '../../tools/docker/docker.ts';
import type { Facts } from '../stack/deployment.ts';
import { imageId } from './build.ts';
import { commitCode } from './code.ts';
import { hasDrifted, layerOf } from './drift.ts';
import { imageState, repositoryOf } from './running.ts';

/** The image that runs before the rebuild, under a tag that no later build moves. */
export interface PreviousImage {
  readonly id: string;
  readonly reference: string;
}

/** `whalefall:prod` → `whalefall:before-20260102T030405Z`; registries with ports are left alone. */
export function previousReference(image: string, run: string): string {
  return `${repositoryOf(image)}:before-${path.basename(run).slice(0, 16)}`;
}

/**
 * Tags what serves now, so that neither the build nor a later prune takes it away. A container that was hot-updated differs
 * from its image: then its files are committed to an image of their own. `undefined` when there is none.
 */
export async function keepPreviousImage(ops: Ops, facts: Facts): Promise<PreviousImage | undefined> {
  const { image } = facts.stack.services.app;
  const reference = previousReference(image, ops.paths.run);
  const container = facts.containers.app;
  const current = container?.imageId ?? (await imageId(ops, image));
  if (current === undefined) return undefined;
  // Neither tagged nor committed can it be; the container itself is the way back. The survey has said so.
  if (container && (await imageState(ops, current)) === 'gone') return undefined;
  const layer = container ? await layerOf(ops, container) : [];
  if (container && hasDrifted(ops, container, layer)) {
    ops.screen.show({ event: 'warning', text: HOT_UPDATED });
    await commitCode(ops, container, layer, reference);
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
