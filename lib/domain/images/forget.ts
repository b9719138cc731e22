import { change } from '../../core/command.ts';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { orWarn } from '../../core/screen.ts';
import { humanBytes, type Text } from '../../core/text.ts';
import { deleteRef } from '../../tools/git/git.ts';
import { forgetReleases, readReleases } from '../ledger/releases.ts';
import { findContainers } from '../stack/containers.ts';
import type { Stack } from '../stack/stack.ts';
import { imageId } from './build.ts';
import { type KeptImage, listKept } from './kept.ts';
import { forgetContainer } from './kept-container.ts';

/**
 * Bounds what is kept to go back to, after a release that is proved: images by exact tag and id, the ledger's lines, and the git
 * refs of those. What can't be done is only said: the release is none the worse for it.
 */
export async function forgetOld(ops: Ops, stack: Stack): Promise<void> {
  const calm = uninterruptible(ops);
  await orWarn(ops.screen, () => forgetImages(calm, stack), notTidied);
  await orWarn(ops.screen, () => forgetLines(calm), notTidied);
}

const notTidied = (why: Text): Text => ({
  en: `Old releases could not be tidied up; the next run tries again: ${why.en}`,
  zh: `清理旧版本失败, 下次运行会重试: ${why.zh}`,
});

async function forgetLines(ops: Ops): Promise<void> {
  for (const { run: name, commit } of await forgetReleases(ops.paths, ops.target.keep.releases)) {
    forgetContainer(ops.paths, name);
    // Exit code 1: it never had one, or somebody moved it.
    await run(ops, deleteRef(ops.target.dir, `refs/whalefall-ops/releases/${name}`, commit), [0, 1, 128]);
  }
}

async function forgetImages(ops: Ops, stack: Stack): Promise<void> {
  const { image } = stack.services.app;
  const kept = await listKept(ops, image);
  if (kept.length <= 1) return;
  const released = readReleases(ops.paths).flatMap((r) => r.previousImage ?? []);
  const before = released.at(-1);
  const { app } = await findContainers(ops, stack);
  const needed = [app?.imageId, await imageId(ops, image), kept.find((k) => k.reference === before)?.id];
  // What a run kept that then failed is worth the least, however new it is.
  const byWorth = [true, false].flatMap((is) => kept.filter((k) => released.includes(k.reference) === is));
  const gone: KeptImage[] = [];
  // One that somebody still uses keeps none of the others here.
  for (const old of surplus(byWorth, new Set(needed.filter((id) => id !== undefined)), ops.target.keep))
    await orWarn(ops.screen, async () => void ((await removeImage(ops, old)) && gone.push(old)), notTidied);
  if (gone.length > 0) ops.screen.show({ event: 'info', text: removed(gone) });
}

/** Not forced: an image that any container has, the engine refuses to remove. False when somebody has moved the tag. */
async function removeImage(ops: Ops, { reference, id }: KeptImage): Promise<boolean> {
  if ((await imageId(ops, reference)) !== id) return false;
  await run(ops, change(['docker', 'image', 'rm', reference]));
  return true;
}

function removed(gone: readonly KeptImage[]): Text {
  const names = gone.map((k) => k.reference.split(':').at(-1)).join(', ');
  const size = humanBytes(gone.reduce((sum, k) => sum + k.bytes, 0));
  return {
    en: `Images of old releases removed: ${names} (${size} at most)`,
    zh: `已删除旧版本镜像: ${names} (最多释放 ${size})`,
  };
}

/**
 * Which kept images may go: the last, as many as are too many or too large together. Pure.
 *
 * @param images what is worth the most first: the newest.
 * @param needed ids that always stay: what runs, what the service's name stands for, and what ran before.
 */
export function surplus(
  images: readonly KeptImage[],
  needed: ReadonlySet<string>,
  limits: Pick<Ops['target']['keep'], 'images' | 'gigabytes'>,
): KeptImage[] {
  const sizes = new Map(images.map(({ id, bytes }) => [id, bytes]));
  const kept = new Set([...sizes.keys()].filter((id) => needed.has(id)));
  let left = limits.gigabytes * 1e9 - [...kept].reduce((sum, id) => sum + (sizes.get(id) ?? 0), 0);
  for (const [id, bytes] of sizes) {
    if (kept.has(id)) continue;
    // The first that doesn't fit ends it: a smaller but older one is not worth more.
    if (kept.size >= limits.images || bytes > left) break;
    kept.add(id);
    left -= bytes;
  }
  return images.filter(({ id }) => !kept.has(id));
}
