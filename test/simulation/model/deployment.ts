import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Beside } from '../../../lib/core/ops.ts';
import { SCRIPTS } from '../../../lib/core/text.ts';
import type { World } from '../../../lib/core/world.ts';
import type { Script } from '../../../lib/runs/command-line/script.ts';
import { main } from '../../../lib/runs/main/main.ts';
import { deployProdAll } from '../../../scripts/deploy-prod-all.ts';
import type { Cluster } from './cluster.ts';
import { ofService } from './compose.ts';
import { Faults, type How, KILLED, type Point } from './faults.ts';
import { COMPOSE_FILE, ENV_EXAMPLE, FOREIGN_VOLUME, writeFiles } from './files.ts';
import { withOwnIntervals } from './intervals.ts';
import { databasesIn } from './ledger.ts';
import { Machine } from './machine.ts';
import { net } from './net.ts';
import { type Call, processes } from './process.ts';
import { OLD_REVISION, release } from './release.ts';
import { Timers } from './timers.ts';
import { watchWayBack } from './way-back.ts';

/** How a run ended, and what it said. */
export interface Ended {
  readonly exitCode: number;
  /** stdout and stderr. */
  readonly text: string;
  readonly calls: readonly Call[];
  /** Commands that changed something, in order. */
  readonly changes: readonly string[];
  readonly points: readonly Point[];
  /** Whether the planned fault happened. */
  readonly struck: boolean;
}

export interface RunOptions {
  readonly interactive?: boolean;
  readonly fault?: Point & { readonly how: How };
  /** Default: the full rebuild. */
  readonly script?: Script;
  /** Default: nothing is started beside. */
  readonly beside?: (script: string) => Beside;
}

/** A deploy directory on a machine. Scripts are run on it one after the other, and it keeps what they did. */
export class Deployment {
  readonly root: string;
  readonly dir: string;
  readonly locks: string;
  readonly machine = new Machine();
  /** Values that must be seen nowhere. */
  readonly secrets = new Set<string>();
  unexpected: string[] = [];
  /** What the last run did to the way back that it must not. */
  wayBack: string[] = [];
  /** So many runs were killed outright. */
  killed = 0;

  constructor() {
    this.root = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-simulation-'));
    this.dir = path.join(this.root, 'prod');
    this.locks = path.join(this.root, 'locks');
    mkdirSync(this.dir);
    mkdirSync(this.locks);
    writeFiles(this.dir);
    writeFileSync(path.join(this.root, 'target.json'), JSON.stringify({ bootSeconds: 6 }));
    const { engine, registry } = this.machine;
    engine.addImage('postgres', 'postgres:15-alpine');
    engine.addImage('redis', 'redis:7-alpine');
    registry.set('postgres:15-alpine', 'postgres').set('redis:7-alpine', 'redis');
    engine.createVolume(FOREIGN_VOLUME, { 'com.docker.compose.project': 'other' }).files.file = 'precious';
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Runs a script from command line to exit code. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const { machine } = this;
    const faults = new Faults(this.root, options.fault);
    const { spawn, kill, calls, left, orphan } = processes(machine, machine.clock, faults, (what) =>
      this.unexpected.push(what),
    );
    let isDead = false;
    const killed = new Promise<typeof KILLED>((resolve) => {
      faults.kill = () => {
        isDead = true;
        this.killed += 1;
        orphan();
        machine.dropLock();
        resolve(KILLED);
      };
    });
    /** Nothing happens any more to whoever was killed. */
    const alive =
      <A extends unknown[], R>(does: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> => {
        const going = isDead ? undefined : does(...args);
        return new Promise((resolve, reject) => {
          going?.then(
            (value) => isDead || resolve(value),
            (error) => isDead || reject(error),
          );
        });
      };
    const network = net(machine);
    this.wayBack = [];
    watchWayBack(this);
    const before = machine.changes.length;
    let text = '';
    const say = (said: string) => {
      text += said;
    };
    const world: World = {
      argv: ['--dir', this.dir, '--config', path.join(this.root, 'target.json'), '--lang', 'en', ...args],
      env: { PATH: '/usr/bin:/bin' },
      cwd: this.root,
      scripts: SCRIPTS,
      pid: 4711,
      user: 'operator',
      hostname: 'model',
      locks: this.locks,
      interactive: options.interactive ?? false,
      colorTerminal: false,
      stdout: say,
      stderr: say,
      every: () => () => undefined, // only for eyes
      clock: {
        now: machine.clock.now,
        monotonic: machine.clock.monotonic,
        sleep: alive((ms: number, signal?: AbortSignal) => machine.clock.sleep(ms, signal)),
      },
      net: { ...network, fetch: alive(network.fetch) },
      spawn,
      kill,
      onSignal(handler) {
        faults.interrupt = () => handler('SIGINT');
        return () => {
          faults.interrupt = () => undefined;
        };
      },
      start: async (script) => {
        throw new Error(`${script} was started`);
      },
      beside: (script) => {
        if (options.beside) return options.beside(script);
        throw new Error(`${script} was started`);
      },
      exit: (code) => {
        throw new Error(`the script ended at once with ${code}`);
      },
    };
    const timers = new Timers(machine.clock);
    faults.hang = () => timers.count();
    faults.rest = () => timers.rest();
    const uninstall = options.fault?.how.startsWith('hangs') ? timers.install() : () => undefined;
    const ended = () => Promise.race([main(options.script ?? deployProdAll, world), killed]);
    const exitCode = await withOwnIntervals(ended).finally(uninstall);
    for (const { env } of calls) {
      for (const name of ['WFOPS_ADMIN_PASSWORD', 'POSTGRES_PASSWORD'])
        if (env[name] !== undefined) this.secrets.add(env[name]);
    }
    // Nothing that it has begun outlives a run that came to an end.
    if (!isDead) this.unexpected.push(...left().map(({ argv }) => `still going on: ${argv.join(' ')}`));
    if (this.unexpected.length > 0) throw new Error(`${this.unexpected.join('\n')}\n\n${text}`);
    // A name of ours on the image of what runs is nothing that anybody could miss: a run that refuses may give it as well.
    const changes = machine.changes
      .slice(before)
      .filter((c) => !/^docker tag \S+ whalefall-ops-running:prod-\w+$/.test(c));
    return { exitCode, text, calls, changes, points: faults.points, struck: faults.happened };
  }

  /** `docker compose …` in the deploy directory, as a person would type it. */
  async byHand(words: string): Promise<void> {
    const file = path.join(this.dir, 'docker-compose.prod.yml');
    const argv = ['docker', 'compose', '-f', file, '--project-directory', this.dir, ...words.split(' ')];
    const reply = this.machine.run({ argv, env: {}, input: Buffer.alloc(0), extraFd: undefined });
    if (reply.exitCode) throw new Error(reply.stderr ?? '');
  }

  /** The project's container of a service. */
  container = (key: string) => ofService(this.machine.engine, 'prod', key);

  volume = (key: string) => this.machine.engine.volumes.get(`prod_whalefall_${key}_data`);

  get cluster(): Cluster | undefined {
    return this.volume('postgres')?.files.cluster as Cluster | undefined;
  }

  get database() {
    return databasesIn(this.volume('postgres')?.files ?? {}).whalefall_prod;
  }

  /** Files in userdata, without the directory's name. */
  get userdata() {
    const layer = Object.entries(this.container('whalefall')?.layer ?? {});
    return Object.fromEntries(layer.filter(([f]) => f.startsWith('/app/userdata/')));
  }

  get state() {
    return path.join(this.dir, '.whalefall-ops');
  }

  /** Paths of all files that the scripts keep. */
  files(under = this.state): string[] {
    if (!existsSync(under)) return [];
    return readdirSync(under, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile())
      .map((e) => path.join(e.parentPath, e.name));
  }

  writeEnv(text: string): void {
    writeFileSync(path.join(this.dir, '.env'), text);
    chmodSync(path.join(this.dir, '.env'), 0o600);
    for (const [, value = ''] of text.matchAll(/^\w*(?:PASSWORD|SECRET|KEY)\w*='?([^'\n$]{8,})/gm))
      this.secrets.add(value);
  }

  /** Changes the compose file. */
  editCompose(edit: (file: typeof COMPOSE_FILE) => void): void {
    const file = structuredClone(COMPOSE_FILE);
    edit(file);
    writeFileSync(path.join(this.dir, 'docker-compose.prod.yml'), JSON.stringify(file, null, 2));
  }
}

/** A deployment that goes with its test. */
export function deployment(): Deployment {
  const made = new Deployment();
  onTestFinished(() => made.remove());
  return made;
}

export const ENV = ENV_EXAMPLE.replace('POSTGRES_PASSWORD=', 'POSTGRES_PASSWORD=sentinel-postgres-4f1c9a')
  .replace('REDIS_PASSWORD=', 'REDIS_PASSWORD=sentinel-redis-8b2e7d')
  .replace('SECRET_KEY=', 'SECRET_KEY=sentinel-secret-key-c03d55e1')
  .replace('PASSWORD_ENCRYPTION_KEY=', `PASSWORD_ENCRYPTION_KEY=${'sentinel-fernet-key-'.padEnd(43, '0')}=`);

/**
 * Production as a person brought it up with compose: an older release, rows, userdata, and users who go on writing. No script of
 * ours has been here yet.
 */
export async function production(made = deployment(), former = release('old')): Promise<Deployment> {
  const { machine } = made;
  made.writeEnv(ENV);
  machine.release = former;
  await made.byHand('build whalefall');
  await made.byHand('up -d --no-deps --no-build --pull never postgres redis whalefall');
  await machine.clock.sleep(60_000);
  const app = made.container('whalefall');
  const database = made.cluster?.databases.whalefall_prod;
  const redis = made.volume('redis');
  if (!app || !database || !redis) throw new Error('there is no production');
  Object.assign(database, { shape: OLD_REVISION, stamp: OLD_REVISION });
  database.tables = {
    users: ['admin', 'a user'],
    notes: ['the first note', 'a note that must survive'],
    permission_configs: ['a config'],
  };
  app.layer['/app/userdata/upload.txt'] = 'an upload';
  redis.files['appendonly.aof'] = 'keys of users';
  let written = 0;
  machine.onDump = () => {
    if (made.container('whalefall')?.state !== 'running') return;
    written += 1;
    made.database?.tables.notes?.push(`written while a dump was taken: ${written}`);
  };
  machine.release = release('new');
  machine.changes.length = 0;
  return made;
}

/** What a shell script once did to the database: everybody comes in without a password. */
export function openToStrangers({ cluster, container }: Deployment): void {
  if (!cluster) throw new Error('there is no cluster');
  cluster.hba = cluster.hba.replace('host all all all scram-sha-256', 'host all all all trust');
  const server = container('postgres')?.server;
  if (!server) throw new Error('there is no server');
  server.inForce = server.inForce.map((r) => (r.address === 'all' ? { ...r, method: 'trust' } : r));
  server.sessions.push({ application: 'a stranger', database: 'whalefall_prod', trusted: true });
}
