import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baseTree, buildBaseTree, treeRecipe } from './base-tree.ts';
import { POSTGRES, postgresData, postgresVolume, type Recipe, recipe } from './recipe.ts';
import { $, ask, say } from './run.ts';

/** The images that the stack is made of. The application's own image is built from `appBase`. */
export type BaseImages = { postgres: string; redis: string; appBase: string };

const CONTEXTS = join(import.meta.dirname, 'images');
const OFFICIAL = { postgres: 'postgres:15-alpine', redis: 'redis:7-alpine' } as const;

/** Everything that `ensureBaseImages` may have made has this name; the tag is a hash of the recipe. */
const IMAGE_NAMES = ['base', 'postgres', 'redis'].map((name) => `whalefall-sandbox/${name}`);

/**
 * The images below the stack: the official ones where a registry answers, else our own from distribution packages.
 * They are kept from run to run; a changed recipe changes the tag, so it is built again.
 */
export async function ensureBaseImages(wanted = recipe()): Promise<BaseImages> {
  const appBase = await ensureBase(wanted);
  const [postgres, redis] = (await Promise.all(
    (['postgres', 'redis'] as const).map((service) => ensureService(service, appBase, wanted)),
  )) as [string, string];
  return { postgres, redis, appBase };
}

/** PostgreSQL of a later major version: that of the Debian release which has it. */
export async function ensureLaterPostgres(major: '17' | '18'): Promise<string> {
  const suite = major === '17' ? 'trixie' : 'sid';
  return (await ensureBaseImages({ suite, userland: 'debian', redis: 'redis' })).postgres;
}

/** Remove every image that `ensureBaseImages` has built. Those that were pulled stay: they may be others' too. */
export async function removeBaseImages(): Promise<void> {
  for (const name of [...IMAGE_NAMES].reverse()) {
    const found = await ask('docker', 'image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', name);
    for (const tag of found?.split('\n').filter(Boolean) ?? []) {
      const removed = await $({ nothrow: true })`docker image rm ${tag}`;
      if (removed.exitCode !== 0) say({ en: `${tag} stays: it is in use.`, zh: `保留 ${tag}：仍在使用。` });
    }
  }
}

async function ensureBase({ suite }: Recipe): Promise<string> {
  const tag = `whalefall-sandbox/base:${hash(treeRecipe(baseTree(suite)))}`;
  if (await exists(tag)) return tag;
  say({
    en: 'Building the base image from distribution packages; this takes about a minute, once.',
    zh: '正在用发行版软件包构建基础镜像，约需一分钟，仅首次需要。',
  });
  await buildBaseTree(tag, suite);
  return tag;
}

async function ensureService(service: 'postgres' | 'redis', base: string, wanted: Recipe): Promise<string> {
  const context = join(CONTEXTS, service);
  const args = [`BASE=${base}`, ...ARGUMENTS[service](wanted)];
  const tag = `whalefall-sandbox/${service}:${hash(args.join('\n') + contentOf(context))}`;
  if (await exists(tag)) return tag;
  // What differs from the official ones can't be had from a registry.
  const usual = wanted.suite === 'bookworm' && wanted.userland === 'debian' && wanted.redis === 'redis';
  if (usual && (await pulled(OFFICIAL[service]))) return OFFICIAL[service];
  const given = args.flatMap((arg) => ['--build-arg', arg]);
  await $({ timeout: '300s' })`docker build -q -t ${tag} ${given} ${context}`;
  return tag;
}

/** What the Dockerfiles of the two services are told. */
const ARGUMENTS = {
  postgres: ({ suite, userland }: Recipe) => [
    `PG_MAJOR=${POSTGRES[suite]}`,
    `DATA=${postgresData(POSTGRES[suite])}`,
    `VOLUME=${postgresVolume(POSTGRES[suite])}`,
    `USERLAND=${userland}`,
  ],
  redis: ({ userland, redis }: Recipe) => [`SERVER=${redis}`, `USERLAND=${userland}`],
} as const;

/** Asking for the manifest first keeps the wait short where no registry answers, and the pull unhurried where one does. */
async function pulled(image: string): Promise<boolean> {
  if (await exists(image)) return true;
  const manifest = await $({ nothrow: true, timeout: '5s' })`docker manifest inspect ${image}`;
  if (manifest.exitCode !== 0) return false;
  return (await $({ nothrow: true, timeout: '600s' })`docker pull -q ${image}`).exitCode === 0;
}

async function exists(image: string): Promise<boolean> {
  return (await ask('docker', 'image', 'inspect', '-f', '{{.Id}}', image)) !== undefined;
}

function contentOf(dir: string): string {
  return readdirSync(dir)
    .sort()
    .map((file) => `${file}\n${readFileSync(join(dir, file), 'utf8')}`)
    .join('\n');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
