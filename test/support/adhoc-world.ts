import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { SCRIPTS } from '../../lib/core/text.ts';
import type { World } from '../../lib/core/world.ts';
import type { Script } from '../../lib/runs/command-line/script.ts';
import { main } from '../../lib/runs/main/main.ts';
import { fakeClock } from './ops.ts';
import { type Call, type Reply, scriptedSpawn } from './scripted-spawn.ts';

export const PASSWORD = 'Sentinel-pw-1234';

const CONFIG = {
  name: 'shop',
  services: {
    postgres: { image: 'p', environment: { POSTGRES_DB: 'wf', POSTGRES_USER: 'wf_user', POSTGRES_PASSWORD: PASSWORD } },
    redis: { image: 'r' },
    whalefall: { image: 'w', environment: { REDIS_PASSWORD: PASSWORD, LOG_LEVEL: 'INFO' } },
  },
};

type States = Readonly<Partial<Record<'postgres' | 'redis' | 'whalefall', string>>>;

export interface RanScript {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Without those that find the deployment. */
  readonly calls: readonly Call[];
  /** The deploy directory. */
  readonly dir: string;
}

/**
 * Runs a script over real zx on a deployment whose database has no volume.
 *
 * @param options.answer for everything but finding the deployment.
 */
export async function runAdhoc(
  script: Script,
  options: {
    readonly argv?: readonly string[];
    readonly states?: States;
    readonly answer?: (call: Call) => Reply | undefined;
    /** The directory that made the containers, where it is not the deploy directory. */
    readonly madeBy?: string;
    /** A run from another directory holds the compose project. */
    readonly projectLocked?: boolean;
    /** Of the target configuration. */
    readonly config?: Readonly<Record<string, unknown>>;
    readonly world?: Partial<World>;
  } = {},
): Promise<RanScript> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-adhoc-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(path.join(dir, 'docker-compose.prod.yml'), 'services: {}\n');
  const config = path.join(dir, 'target.json');
  writeFileSync(config, JSON.stringify({ bootSeconds: 1, ...options.config }));
  const states: States = options.states ?? { postgres: 'running', redis: 'running', whalefall: 'running' };
  const asked: Call[] = [];
  let locks = 0; // the deploy directory's, then the project's
  const scripted = scriptedSpawn((call) => {
    if (call.argv[0] === 'flock') return { exitCode: options.projectLocked && locks++ > 0 ? 75 : 0 };
    const found = finding(call.argv.join(' '), states, options.madeBy ?? dir);
    if (found) return found;
    asked.push(call);
    return options.answer?.(call);
  });
  let [stdout, stderr] = ['', ''];
  const world: World = {
    argv: ['--dir', dir, ...(options.argv ?? [])],
    env: { PATH: '/usr/bin:/bin', LANG: 'C', WHALEFALL_CONFIG: config },
    cwd: dir,
    locks: dir,
    scripts: SCRIPTS,
    pid: 4711,
    user: 'operator',
    hostname: 'host',
    interactive: false,
    colorTerminal: false,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    clock: fakeClock(),
    every: () => () => undefined,
    net: {
      fetch: async () => new Response(HEALTHY, { headers: { 'content-type': 'application/json' } }),
      connect: () => {
        throw new Error('connected');
      },
      tryBind: async () => undefined,
      addresses: () => [],
    },
    spawn: scripted.spawn,
    kill: scripted.kill,
    onSignal: () => () => undefined,
    start: async () => 1,
    beside: () => {
      throw new Error('nothing is started beside');
    },
    exit: (code) => {
      throw new Error(`ended at once with ${code}`);
    },
    ...options.world,
  };
  return { exitCode: await main(script, world), stdout, stderr, calls: asked, dir };
}

const HEALTHY = JSON.stringify({
  success: true,
  data: { status: 'healthy', database: 'connected', redis: 'connected' },
});

function finding(line: string, states: States, madeBy: string): Reply | undefined {
  if (line.startsWith('docker compose') && line.endsWith('config --format json'))
    return { stdout: JSON.stringify(CONFIG) };
  if (line.startsWith('docker ps -a') && line.includes('working_dir')) {
    const made = Object.keys(states).map((s) => `${s}\t${s}_1\tshop\t${madeBy}\t${madeBy}/docker-compose.prod.yml`);
    return { stdout: made.join('\n') };
  }
  if (line.startsWith('docker info')) return { stdout: 'engine' };
  if (line.startsWith('docker image inspect')) return { exitCode: 1, stderr: 'no such image' };
  if (line.startsWith('docker ps -a'))
    return { stdout: line.includes('whalefall-ops') ? '' : Object.keys(states).join('\n') };
  if (/^docker (network|image) ls/.test(line)) return { stdout: '' };
  if (!line.startsWith('docker inspect ') || line.includes('-f')) return undefined;
  const inspected = Object.entries(states).map(([service, state]) => ({
    Id: service,
    Name: `/${service}_1`,
    Image: `sha256:${service}`,
    RestartCount: 0,
    Mounts: [],
    State: { Status: state, StartedAt: '2026-01-02T03:00:00Z', FinishedAt: '0001-01-01T00:00:00Z', ExitCode: 0 },
    Config: { Image: service, Labels: { 'com.docker.compose.service': service } },
    HostConfig: { RestartPolicy: { Name: 'always' }, LogConfig: { Type: 'local' } },
    NetworkSettings: { Ports: {}, Networks: { net: { IPAddress: '172.18.0.2' } } },
  }));
  return { stdout: JSON.stringify(inspected) };
}
