import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributionSources, withSuite } from './apt-sources.ts';
import { POSTGRES, type Suite } from './recipe.ts';
import { $, ask, SandboxError } from './run.ts';

/** A Debian tree: of a release, with packages. */
export type Tree = { suite: Suite; packages: string[]; hooks?: string[] };

const PACKAGES = [
  ...['redis-server', 'nginx-light', 'supervisor', 'gunicorn', 'python3-gevent'],
  ...['python3-flask', 'python3-flask-migrate', 'python3-flask-sqlalchemy', 'python3-psycopg2', 'python3-redis'],
  ...['python3-cryptography', 'python3-bcrypt', 'gosu', 'gettext-base', 'curl', 'procps', 'zstd', 'iproute2'],
];
const EXCLUDED = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];

/** The programs of all three services. */
export function baseTree(suite: Suite): Tree {
  const postgres = POSTGRES[suite];
  // Bookworm has no Valkey.
  const other = suite === 'bookworm' ? [] : ['busybox', 'valkey-server'];
  return {
    suite,
    packages: [`postgresql-${postgres}`, ...PACKAGES, ...other],
    // The package makes a cluster of its own; the images start from an empty data directory.
    hooks: [`rm -rf "$1"/var/lib/postgresql/${postgres} "$1"/etc/postgresql/${postgres}`],
  };
}

/** What a tree is made from, as text: the base image's tag is its hash. */
export const treeRecipe = (tree: Tree): string => [tree.suite, ...optionsOf(tree)].join('\n');

function optionsOf({ packages, hooks = [] }: Tree): string[] {
  return [
    '--variant=minbase',
    '--format=tar',
    `--include=${packages.join(',')}`,
    ...EXCLUDED.map((path) => `--dpkgopt=path-exclude=${path}`),
    ...hooks.map((hook) => `--customize-hook=${hook}`),
  ];
}

/** Make the tree of a suite and import it as an image; one that lies in `SANDBOX_TREES` is taken from there. */
export async function buildBaseTree(tag: string, suite: Suite): Promise<void> {
  const made = join(process.env.SANDBOX_TREES ?? '', `base-${suite}.tar`);
  if (process.env.SANDBOX_TREES && existsSync(made)) {
    await $({ timeout: '300s' })`docker import ${made} ${tag}`;
    return;
  }
  // The name comes last: what a failure left in the pipe would be an image, too, and taken for the base from then on.
  await withTree(
    baseTree(suite),
    (command) => $({ timeout: '900s' })`id="$(${command} | docker import -)" || { docker image rm "$id"; exit 1; }
      docker tag "$id" ${tag}`,
  );
}

/** Make a tree and write it to a tar file. */
export async function writeTree(tree: Tree, file: string): Promise<void> {
  await withTree(tree, (command) => $({ timeout: '900s' })`${command} > ${file}`);
}

/** @param use runs the command, which writes the tree to stdout. */
async function withTree(tree: Tree, use: (command: string[]) => Promise<unknown>): Promise<void> {
  await requireMmdebstrap();
  const sources = distributionSources().map((source) => ({ ...source, text: withSuite(source, tree.suite) }));
  if (sources.length === 0) {
    throw new SandboxError({
      en: 'No image registry answers, and this machine has no Debian package source to build the images from.',
      zh: '镜像仓库无法访问，且本机没有可用于构建镜像的 Debian 软件源。',
    });
  }
  const work = mkdtempSync(join(tmpdir(), 'whalefall-sandbox-base-'));
  try {
    const files = sources.map((source, index) => {
      const file = join(work, `${index}.${source.format}`);
      writeFileSync(file, source.text);
      return file;
    });
    await use(['mmdebstrap', '-q', ...optionsOf(tree), ...(await acquireOptions()), tree.suite, '-', ...files]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** mmdebstrap starts with an empty apt configuration, so proxies and the like have to be handed on. */
async function acquireOptions(): Promise<string[]> {
  const dump = (await ask('apt-config', 'dump', 'Acquire')) ?? '';
  const handedOn = dump.split('\n').filter((line) => /^Acquire::https?::(Proxy|Verify|CaInfo|.*Proxy)/i.test(line));
  // A mirror that stands still serves an old index of a release that goes on.
  return [...handedOn, 'Acquire::Check-Valid-Until "false"'].map((line) => `--aptopt=${line}`);
}

async function requireMmdebstrap(): Promise<void> {
  if (await ask('mmdebstrap', '--version')) return;
  throw new SandboxError({
    en: 'No image registry answers. To build the images from packages, install mmdebstrap, or run:\n  npm run sandbox -- --install-docker',
    zh: '镜像仓库无法访问。如需用软件包构建镜像，请安装 mmdebstrap，或执行：\n  npm run sandbox -- --install-docker',
  });
}
