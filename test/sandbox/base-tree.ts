import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributionSources, withSuite } from './apt-sources.ts';
import { $, ask, SandboxError } from './run.ts';

const SUITE = 'bookworm';
const PACKAGES = [
  ...['postgresql-15', 'redis-server', 'nginx-light', 'supervisor', 'gunicorn', 'python3-gevent'],
  ...['python3-flask', 'python3-flask-migrate', 'python3-flask-sqlalchemy', 'python3-psycopg2', 'python3-redis'],
  ...['python3-cryptography', 'python3-bcrypt', 'gosu', 'gettext-base', 'curl', 'procps', 'zstd', 'iproute2'],
];
/** A Debian tree: a suite, and what is installed in it. */
export type Tree = { suite: string; packages: readonly string[]; clusters: string; options?: readonly string[] };

/** One that holds the programs of all three services. */
export const BASE: Tree = { suite: SUITE, packages: PACKAGES, clusters: '15' };

/** PostgreSQL alone, of a later major version. */
export const LATER_POSTGRES: Readonly<Record<'17' | '18', Tree>> = {
  '17': { suite: 'trixie', packages: ['postgresql-17', 'gosu', 'procps'], clusters: '[0-9]*' },
  // A snapshot of unstable may be older than its Release file allows.
  '18': {
    suite: 'sid',
    packages: ['postgresql-18', 'gosu', 'procps'],
    clusters: '[0-9]*',
    options: ['--aptopt=Acquire::Check-Valid-Until "false"'],
  },
};

const optionsOf = ({ packages, clusters, options = [] }: Tree): string[] => [
  '--variant=minbase',
  '--format=tar',
  `--include=${packages.join(',')}`,
  ...['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'].map((path) => `--dpkgopt=path-exclude=${path}`),
  // The package makes a cluster of its own; the images start from an empty data directory.
  `--customize-hook=rm -rf "$1"/var/lib/postgresql/${clusters} "$1"/etc/postgresql/${clusters}`,
  ...options,
];

/** What a tree is made from, as text: the image's tag is its hash. */
export const recipeOf = (tree: Tree): string => [tree.suite, ...optionsOf(tree)].join('\n');

/** Make a Debian tree, and import it as an image. */
export async function buildTree(tree: Tree, tag: string): Promise<void> {
  const { suite } = tree;
  await requireMmdebstrap();
  const sources = distributionSources().map((source) => ({ ...source, text: withSuite(source, suite) }));
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
    const options = [...optionsOf(tree), ...(await acquireOptions())];
    await $({ timeout: '900s' })`mmdebstrap -q ${options} ${suite} - ${files} | docker import - ${tag}`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** mmdebstrap starts with an empty apt configuration, so proxies and the like have to be handed on. */
async function acquireOptions(): Promise<string[]> {
  const dump = (await ask('apt-config', 'dump', 'Acquire')) ?? '';
  return dump
    .split('\n')
    .filter((line) => /^Acquire::https?::(Proxy|Verify|CaInfo|.*Proxy)/i.test(line))
    .map((line) => `--aptopt=${line}`);
}

async function requireMmdebstrap(): Promise<void> {
  if (await ask('mmdebstrap', '--version')) return;
  throw new SandboxError({
    en: 'No image registry answers. To build the images from packages, install mmdebstrap, or run:\n  npm run sandbox -- --install-docker',
    zh: '镜像仓库无法访问。如需用软件包构建镜像，请安装 mmdebstrap，或执行：\n  npm run sandbox -- --install-docker',
  });
}
