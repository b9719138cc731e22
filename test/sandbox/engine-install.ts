import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributionSources, withSuite } from './apt-sources.ts';
import { $, ask, SandboxError, say } from './run.ts';

const PLUGIN_DIR = '/usr/lib/docker/cli-plugins';
const TOOLS = ['git', 'curl', 'ca-certificates', 'procps', 'util-linux', 'openssl', 'mmdebstrap'];

const apt = $({ env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
// A machine that has just started may still be busy with its own updates.
const INSTALL = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];

/** Install the distribution's own engine. */
export async function installEngine(): Promise<void> {
  await requireApt();
  say({ en: 'Installing the Docker engine of this distribution.', zh: '正在安装发行版自带的 Docker 引擎。' });
  await apt`apt-get update`;
  // From Debian 13 on the docker command is a package of its own.
  const command = (await candidateOf('docker-cli')) ? ['docker-cli'] : [];
  await apt`apt-get ${INSTALL} docker.io iptables iproute2 ${command}`;
}

/** Install the programs that the sandbox itself calls. */
export async function installTools(): Promise<void> {
  await requireApt();
  await apt`apt-get update`;
  await apt`apt-get ${INSTALL} ${TOOLS}`;
}

/** Install the compose and buildx plugins of the docker command. */
export async function installPlugins(): Promise<void> {
  await requireApt();
  say({ en: 'Installing docker compose and buildx.', zh: '正在安装 docker compose 与 buildx 插件。' });
  await apt`apt-get update`;
  // Ubuntu, and Debian from 13 on, have them; Debian 12's docker-compose is the old version 1.
  for (const compose of ['docker-compose-v2', 'docker-compose']) {
    if (!/^(\d+:)?[2-9]/.test(await candidateOf(compose))) continue;
    await apt`apt-get ${INSTALL} ${compose} docker-buildx`;
    return;
  }
  await pluginsFromTrixie();
}

/** The version that apt would install, or an empty string. */
async function candidateOf(name: string): Promise<string> {
  const candidate = /Candidate: (\S+)/.exec((await ask('apt-cache', 'policy', name)) ?? '')?.[1] ?? '';
  return candidate === '(none)' ? '' : candidate;
}

/**
 * Debian 13 builds both plugins against nothing but libc6, so they run on Debian 12. They are fetched with an apt
 * state apart and only unpacked: the machine's package database never learns of the other suite.
 */
async function pluginsFromTrixie(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'whalefall-sandbox-apt-'));
  try {
    const parts = join(work, 'sources');
    mkdirSync(parts);
    for (const [index, source] of distributionSources().entries()) {
      writeFileSync(join(parts, `${index}.${source.format}`), withSuite(source, 'trixie'));
    }
    for (const dir of ['lists/partial', 'cache/archives/partial', 'plugins'])
      mkdirSync(join(work, dir), { recursive: true });
    const apart = [
      'Dir::Etc::SourceList=/dev/null',
      `Dir::Etc::SourceParts=${parts}`,
      'Dir::Etc::PreferencesParts=/dev/null',
      `Dir::State::Lists=${join(work, 'lists')}`,
      `Dir::Cache=${join(work, 'cache')}`,
      'Dir::Cache::pkgcache=',
      'Dir::Cache::srcpkgcache=',
      // apt's unprivileged user can't enter our directory.
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    await apt`apt-get ${apart} update`;
    await apt({ cwd: work })`apt-get ${apart} download docker-compose docker-buildx`;
    for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      await $`dpkg -x ${join(work, file)} ${join(work, 'plugins')}`;
    }
    mkdirSync(PLUGIN_DIR, { recursive: true });
    for (const name of ['docker-compose', 'docker-buildx']) install(join(work, 'plugins'), name);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The packages put the plugins into libexec or lib, depending on their age. */
function install(root: string, name: string): void {
  const found = ['usr/libexec', 'usr/lib'].map((dir) => join(root, dir, 'docker/cli-plugins', name)).find(existsSync);
  if (!found) throw new SandboxError({ en: `The package has no plugin ${name}.`, zh: `软件包中没有插件 ${name}。` });
  copyFileSync(found, join(PLUGIN_DIR, name));
  chmodSync(join(PLUGIN_DIR, name), 0o755);
}

async function requireApt(): Promise<void> {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release)) return;
  throw new SandboxError({
    en: 'An engine can be installed on Debian and Ubuntu only. Install Docker yourself, then run this again.',
    zh: '只能在 Debian 或 Ubuntu 上自动安装引擎。请自行安装 Docker 后再试。',
  });
}
