import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Ops, type Paths, runName, uninterruptible } from '../../core/ops.ts';
import { change, run } from '../../core/run.ts';
import { orWarn, type ScreenEvent } from '../../core/screen.ts';
import { humanBytes, type Text } from '../../core/text.ts';
import { type Definition, definitionOf, definitionSchema } from '../../tools/docker/definition.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { readAs } from '../../tools/files/json.ts';
import { deleteRef } from '../../tools/git/git.ts';
import { forgetReleases, readReleases } from '../ledger/releases.ts';
import { findContainers } from '../stack/containers.ts';
import type { Stack } from '../stack/stack.ts';
import { imageId } from './build.ts';
import { type KeptImage, listKept } from './kept.ts';

// Of each release that is proved: what its container was made of, and the .env that it was started with. Beside the ledger, and as long.

const directory = ({ backups }: Pick<Paths, 'backups'>) => path.join(path.dirname(backups), 'containers');
const definitionFile = (paths: Pick<Paths, 'backups'>, run: string) => path.join(directory(paths), `${run}.json`);
const envFile = (paths: Pick<Paths, 'backups'>, run: string) => path.join(directory(paths), `${run}.env`);

/**
 * Keeps both of the application's container, which was proved just now. What can't be kept is only said.
 *
 * @param env what it was made with: the file may have been edited since.
 */
export async function keepContainer(ops: Ops, stack: Stack, env: string | undefined): Promise<void> {
  const calm = uninterruptible(ops);
  const keep = async () => {
    const { app } = await findContainers(calm, stack);
    if (app === undefined) return;
    mkdirSync(directory(ops.paths), { recursive: true, mode: 0o700 });
    const run = runName(ops);
    const definition = await definitionOf(calm, app.id);
    await writeAtomically(definitionFile(ops.paths, run), JSON.stringify(definition));
    if (env === undefined) return;
    await writeAtomically(envFile(ops.paths, run), env);
    if (readFileSync(path.join(ops.target.dir, '.env'), 'utf8') !== env) ops.screen.show(EDITED);
  };
  await orWarn(ops.screen, keep, (why) => ({
    en: `How this release's container was made could not be kept for going back to it: ${why.en}`,
    zh: `未能保存本次发布的容器配置 (供以后回退使用): ${why.zh}`,
  }));
}

const EDITED: ScreenEvent = {
  event: 'warning',
  text: {
    en: '.env was changed while this ran: the container was made with the one from before that.',
    zh: '运行期间 .env 被修改: 容器是以修改之前的 .env 创建的.',
  },
  fix: {
    en: 'To apply it as it is now: npx tsx scripts/apply-env.ts',
    zh: '应用当前的 .env: npx tsx scripts/apply-env.ts',
  },
};

/** What a release's container was made of; of a hot update, the one that it came into. `undefined` where nothing was kept. */
export function keptDefinition(paths: Pick<Paths, 'backups'>, run: string): Definition | undefined {
  const releases = readReleases(paths);
  const until = releases.slice(0, releases.findIndex((r) => r.run === run) + 1);
  const file = until.map((r) => definitionFile(paths, r.run)).findLast(existsSync);
  return file === undefined ? undefined : readAs(definitionSchema, file);
}

/** The `.env` of the last release that was proved. */
export function keptEnv(paths: Pick<Paths, 'backups'>): string | undefined {
  const file = readReleases(paths)
    .map((r) => envFile(paths, r.run))
    .findLast(existsSync);
  return file && readFileSync(file, 'utf8');
}

/** Whether what came by a run, or by one after it, was proved, recorded and kept. @param started the beginning of the run's name. */
export const isProved = (paths: Pick<Paths, 'backups'>, started = '~'): boolean =>
  readReleases(paths).some(({ run }) => run >= started && existsSync(envFile(paths, run)));

/** Removes what was kept of releases that the ledger forgets. */
export function forgetContainer(paths: Pick<Paths, 'backups'>, run: string): void {
  for (const file of [definitionFile(paths, run), envFile(paths, run)]) rmSync(file, { force: true });
}

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
