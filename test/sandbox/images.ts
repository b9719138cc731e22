import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BASE, buildTree, LATER_POSTGRES, recipeOf, type Tree } from './base-tree.ts';
import { $, ask, say } from './run.ts';

/** The images that the stack is made of. The application's own image is built from `appBase`. */
export type BaseImages = { postgres: string; redis: string; appBase: string };

const CONTEXTS = join(import.meta.dirname, 'images');
const OFFICIAL = { postgres: 'postgres:15-alpine', redis: 'redis:7-alpine' } as const;

/** Everything that `ensureBaseImages` may have made has this name; the tag is a hash of the recipe. */
const IMAGE_NAMES = ['base', 'postgres-tree', 'postgres', 'postgres-later', 'redis'].map(
  (name) => `whalefall-sandbox/${name}`,
);

/**
 * The images below the stack: the official ones where a registry answers, else our own from distribution packages.
 * They are kept from run to run; a changed recipe changes the tag, so it is built again.
 */
export async function ensureBaseImages(): Promise<BaseImages> {
  const appBase = await ensureTree('base', BASE);
  const [postgres, redis] = await Promise.all([ensureService('postgres', appBase), ensureService('redis', appBase)]);
  return { postgres, redis, appBase };
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

/** Where later official images of PostgreSQL keep their data, and what they want a volume at. */
const LATER_DATA = {
  '17': { PGDATA: '/var/lib/postgresql/data', MOUNTED: '/var/lib/postgresql/data' },
  '18': { PGDATA: '/var/lib/postgresql/18/docker', MOUNTED: '/var/lib/postgresql' },
} as const;

/** PostgreSQL of a later major version, from distribution packages. */
export async function ensureLaterPostgres(MAJOR: '17' | '18'): Promise<string> {
  const base = await ensureTree('postgres-tree', LATER_POSTGRES[MAJOR]);
  const context = join(CONTEXTS, 'postgres');
  const tag = `whalefall-sandbox/postgres-later:${MAJOR}-${hash(base + contentOf(context))}`;
  if (await exists(tag)) return tag;
  const args = Object.entries({ BASE: base, MAJOR, ...LATER_DATA[MAJOR] });
  const flags = args.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  await $({ timeout: '300s' })`docker build -q -t ${tag} -f ${join(context, 'later.Dockerfile')} ${flags} ${context}`;
  return tag;
}

async function ensureTree(name: string, tree: Tree): Promise<string> {
  const tag = `whalefall-sandbox/${name}:${hash(recipeOf(tree))}`;
  if (await exists(tag)) return tag;
  say({
    en: 'Building an image from distribution packages; this takes about a minute, once.',
    zh: '正在用发行版软件包构建镜像，约需一分钟，仅首次需要。',
  });
  await buildTree(tree, tag);
  return tag;
}

async function ensureService(service: 'postgres' | 'redis', base: string): Promise<string> {
  const context = join(CONTEXTS, service);
  const tag = `whalefall-sandbox/${service}:${hash(base + contentOf(context))}`;
  if (await exists(tag)) return tag;
  if (await pulled(OFFICIAL[service])) return OFFICIAL[service];
  await $({ timeout: '300s' })`docker build -q -t ${tag} --build-arg ${`BASE=${base}`} ${context}`;
  return tag;
}

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
