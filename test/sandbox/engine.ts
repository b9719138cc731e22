import { existsSync } from 'node:fs';
import { startDaemon } from './engine-daemon.ts';
import { installEngine, installPlugins, installTools } from './engine-install.ts';
import { ask, SandboxError, say, type Text } from './run.ts';

export { removeBuildCacheIfOurs, restartEngineWeStarted, stopEngineWeStarted } from './engine-daemon.ts';

type Missing = 'engine' | 'compose' | 'buildx' | 'git';

/**
 * Make sure that a Docker engine answers, with compose ≥ 2.17 and buildx, and that git is there.
 * Nothing is changed on a machine that has them. Otherwise `install` allows to install what is missing
 * (Debian or Ubuntu, as root) and to start the daemon; without it the error says how to.
 */
export async function ensureEngine(options: { install: boolean }): Promise<void> {
  let missing = await whatIsMissing();
  const tools = options.install ? await toolsAreMissing() : false;
  if (missing.length === 0 && !tools) return;
  if (!options.install) throw needsInstall(missing);
  if (process.getuid?.() !== 0) {
    throw new SandboxError({
      en: 'Installing a Docker engine needs root: run the same command with sudo.',
      zh: '安装 Docker 引擎需要 root 权限：请用 sudo 重新执行同一条命令。',
    });
  }

  if (missing.includes('engine')) {
    // An engine that is installed but stopped must only be started: never a second one beside it.
    if (!daemonIsInstalled()) await installEngine();
    await startDaemon();
  }
  await installTools();
  missing = await whatIsMissing();
  if (missing.includes('compose') || missing.includes('buildx')) await installPlugins();

  missing = await whatIsMissing();
  if (missing.length > 0) {
    throw new SandboxError({
      en: `The Docker engine was installed, but this still does not work: ${missing.join(', ')}.`,
      zh: `Docker 引擎已安装，但以下部分仍不可用：${missing.join('、')}。`,
    });
  }
  say({ en: 'The Docker engine is ready.', zh: 'Docker 引擎已就绪。' });
}

/** What is only needed where no image registry answers is not asked for before it is needed. */
async function toolsAreMissing(): Promise<boolean> {
  return !(await ask('mmdebstrap', '--version'));
}

function daemonIsInstalled(): boolean {
  return ['/usr/bin/dockerd', '/usr/sbin/dockerd', '/usr/local/bin/dockerd'].some((path) => existsSync(path));
}

async function whatIsMissing(): Promise<Missing[]> {
  const [server, compose, buildx, git] = await Promise.all([
    ask('docker', 'version', '-f', '{{.Server.Version}}'),
    ask('docker', 'compose', 'version', '--short'),
    ask('docker', 'buildx', 'version'),
    ask('git', '--version'),
  ]);
  const missing: Missing[] = [];
  if (!server) missing.push('engine');
  if (!compose || !atLeast(compose, 2, 17)) missing.push('compose');
  if (!buildx) missing.push('buildx');
  if (!git) missing.push('git');
  return missing;
}

/** Is a version such as `v2.26.1-ds1` at least major.minor? */
function atLeast(version: string, major: number, minor: number): boolean {
  const [, a, b] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(a) > major || (Number(a) === major && Number(b) >= minor);
}

const NAMES: Record<Missing, Text> = {
  engine: { en: 'a Docker engine that answers', zh: '可用的 Docker 引擎' },
  compose: { en: 'docker compose 2.17 or later', zh: 'docker compose 2.17 或更高版本' },
  buildx: { en: 'docker buildx', zh: 'docker buildx' },
  git: { en: 'git', zh: 'git' },
};

function needsInstall(missing: Missing[]): SandboxError {
  return new SandboxError({
    en: `The sandbox needs ${missing.map((part) => NAMES[part].en).join(', ')}. On Debian or Ubuntu, as root:
  npm run sandbox -- --install-docker`,
    zh: `沙箱需要：${missing.map((part) => NAMES[part].zh).join('、')}。在 Debian 或 Ubuntu 上以 root 执行：
  npm run sandbox -- --install-docker`,
  });
}
