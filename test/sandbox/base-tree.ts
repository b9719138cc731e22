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
const OPTIONS = [
  '--variant=minbase',
  '--format=tar',
  `--include=${PACKAGES.join(',')}`,
  ...['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'].map((path) => `--dpkgopt=path-exclude=${path}`),
  // The package makes a cluster of its own; the images start from an empty data directory.
  '--customize-hook=rm -rf "$1"/var/lib/postgresql/15 "$1"/etc/postgresql/15',
];

/** What the base image is made from, as text: the image's tag is its hash. */
export function baseRecipe(): string {
  return [SUITE, ...OPTIONS].join('\n');
}

/** Make one Debian tree that holds the programs of all three services, and import it as an image. */
export async function buildBaseTree(tag: string): Promise<void> {
  await requireMmdebstrap();
  const sources = distributionSources().map((source) => ({ ...source, text: withSuite(source, SUITE) }));
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
    const options = [...OPTIONS, ...(await acquireOptions())];
    await $({ timeout: '900s' })`mmdebstrap -q ${options} ${SUITE} - ${files} | docker import - ${tag}`;
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
