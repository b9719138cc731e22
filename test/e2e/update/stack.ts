import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Files } from '../../sandbox/git.ts';
import {
  type Changes,
  createFreshSandbox,
  createSandbox,
  type Sandbox,
  type SandboxOptions,
} from '../../sandbox/sandbox.ts';
import { runScript } from '../../support/run-script.ts';
import { lostBeside } from './files.ts';
import { deepHealth } from './serving.ts';

/** What is released, as far as a test can tell it from outside. */
export interface Release {
  readonly commit: string;
  readonly marker: string;
}

/** The first of four ports by a stack's name. */
const PORTS: Readonly<Record<string, number>> = {
  'wfops-shared': 28380,
  'wfops-rollback': 28420,
  'wfops-secrets': 28700,
  'wfops-adhoc': 28740,
  'wfops-way-back': 28620,
  'wfops-upgrade': 28660,
  'wfops-matrix': 28540,
  'wfops-real': 28300,
};

/** The stack of all files that leave one serving. */
export const SHARED = 'wfops-shared';

export function sandboxOptions(name: string, root: string): SandboxOptions {
  const port = PORTS[name] as number;
  // A client of its own comes from another address.
  const hostIp = name === 'wfops-rollback' ? '0.0.0.0' : '127.0.0.1';
  const ports = { http: port, direct: port + 1, postgres: port + 2, redis: port + 3 };
  if (name === 'wfops-real') return { name, root, hostIp, ports: { ...ports, https: port + 4 }, like: 'real' };
  return { name, root, hostIp, ports };
}

/** Beside the application's own files, for releases that delete or change some: those who start from it have them again. */
const BASE: Files = {
  'app/legacy/old.py': 'X = 1\n',
  'docs/a name with spaces.md': 'spaces',
  'docs/gone.md': 'gone',
  'docs/a file': 'for now',
  'docs/a directory/x': 'for now',
  'scripts/tool.sh': '#!/bin/sh\n',
};

/** One sandbox that goes through the life of its releases; each case leaves it serving `current`. */
export class Stack {
  private constructor(
    readonly sandbox: Sandbox,
    readonly root: string,
  ) {}

  /** Serves when a case begins. */
  current: Release = { commit: '', marker: '' };
  /** The commit whose files each release starts from: one that is known to be good. */
  base = '';

  static async prepared(name: string, root = mkdtempSync(path.join(os.tmpdir(), `${name}-`))): Promise<Stack> {
    return new Stack(await createFreshSandbox(sandboxOptions(name, root)), root);
  }

  /** One that an earlier process has left serving, as it is; what serves is good to start a release from. */
  static async opened(name: string, root: string): Promise<Stack> {
    const stack = new Stack(await createSandbox(sandboxOptions(name, root)), root);
    stack.patience();
    stack.base = (JSON.parse(stack.inApp(['cat', '/app/.whalefall-release.json'])) as { commit: string }).commit;
    await stack.takeOver();
    return stack;
  }

  /** The first deployment. */
  async deploy(): Promise<void> {
    this.patience();
    this.sandbox.writeEnv();
    this.base = await this.sandbox.release({ files: BASE });
    await this.redeploy();
  }

  get config(): string {
    return path.join(this.root, 'target.json');
  }

  /**
   * How long what boots may take. A machine that is busy with something else needs far more than a test that waits for a boot which
   * never succeeds can afford.
   */
  patience(bootSeconds = 120, more: object = {}): void {
    writeFileSync(this.config, JSON.stringify({ bootSeconds, ...more }));
  }

  /** Makes everything anew, whatever a case that failed has left. */
  async redeploy(): Promise<void> {
    const release = await this.release();
    const args = ['--dir', this.sandbox.deployDir, '--config', this.config, '--yes'];
    await this.sandbox.pull();
    const data = this.container('postgres') ? ['--data', 'delete', '--confirm', 'DELETE ALL DATA'] : [];
    const ended = await runScript('deploy-prod-all', [...args, ...data]);
    if (ended.exitCode !== 0) throw new Error(ended.text);
    this.current = release;
    await this.settled();
    this.changeByHand();
    await fetch(`${this.sandbox.directUrl}/api/v1/upload?name=kept.txt`, { method: 'POST', body: 'kept' });
  }

  /** What no commit knows must outlive every update; a new container has none of it. */
  changeByHand(): void {
    const files = 'echo by hand > /app/handmade.txt; mkdir -p /app/app/handmade; echo x > /app/app/handmade/x';
    this.inApp(['sh', '-c', files]);
  }

  /** Waits until all three pass their health check; the engine would say so only when it looks again. */
  async settled(): Promise<void> {
    for (const service of ['whalefall', 'postgres', 'redis'] as const) {
      while (!this.#passes(this.container(service))) await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #passes(id: string): boolean {
    const [kind, ...words] = JSON.parse(docker('inspect', '-f', '{{json .Config.Healthcheck.Test}}', id)) as string[];
    const argv = kind === 'CMD' ? words : ['sh', '-c', ...words];
    return spawnSync('docker', ['exec', id, ...argv], { stdio: 'ignore' }).status === 0;
  }

  /** Makes sure that it serves a release that is known, whoever had it before. */
  async takeOver(): Promise<void> {
    const serves = await this.#served().catch(() => undefined);
    if (serves === undefined) await this.redeploy();
    else this.current = serves;
  }

  async #served(): Promise<Release | undefined> {
    const { commit } = JSON.parse(this.inApp(['cat', '/app/.whalefall-release.json'])) as { commit: string };
    const healthy = (await deepHealth(this)) === 'healthy, database connected, redis connected';
    const whole = lostBeside(this).length === 0 && this.git(['status', '--porcelain']) === '';
    return healthy && whole ? { commit, marker: this.#markerOf(commit) } : undefined;
  }

  #markerOf(commit: string): string {
    const json = this.git(['show', `${commit}:release.json`], this.sandbox.origin);
    return (JSON.parse(json) as { marker: string }).marker;
  }

  /** A release on origin, not pulled. */
  async release(changes: Changes = {}): Promise<Release> {
    const commit = await this.sandbox.release({ on: this.base, ...changes });
    return { commit, marker: this.#markerOf(commit) };
  }

  container(service: 'whalefall' | 'postgres' | 'redis'): string {
    const labels = [`project=${this.sandbox.project}`, `service=${service}`, 'oneoff=False'];
    return docker('ps', '-aq', ...labels.flatMap((l) => ['--filter', `label=com.docker.compose.${l}`]));
  }

  /** stdout of a command in the application's container. */
  inApp(argv: readonly string[], input = ''): string {
    return execFileSync('docker', ['exec', '-i', `${this.sandbox.project}_app_prod`, ...argv], {
      encoding: 'utf8',
      input,
      maxBuffer: 1e8,
    });
  }

  /** What files in there have, by their paths; null for one that is not there. Asked at once: each question costs more than its answer. */
  filesInApp(files: readonly string[]): Readonly<Record<string, string | null>> {
    const read =
      'import json, os, sys; print(json.dumps({f: open(f, errors="replace").read() if os.path.isfile(f) else None for f in sys.argv[1:]}))';
    return JSON.parse(this.inApp(['python3', '-c', read, ...files])) as Record<string, string | null>;
  }

  sql(query: string): string {
    const psql = ['psql', '-XqAt', '-U', 'whalefall_user', '-d', 'whalefall_prod'];
    const args = ['exec', '-i', `${this.sandbox.project}_postgres_prod`, ...psql];
    return execFileSync('docker', args, { encoding: 'utf8', input: query }).trim();
  }

  revision(): string {
    return this.sql('SELECT version_num FROM alembic_version');
  }

  /** stdout of git, in the deploy directory unless said otherwise. */
  git(args: readonly string[], dir = this.sandbox.deployDir): string {
    return execFileSync('git', ['-C', dir, ...args], { encoding: 'utf8', maxBuffer: 1e8 });
  }

  get state(): string {
    return path.join(this.sandbox.deployDir, '.whalefall-ops');
  }

  async down(): Promise<void> {
    await this.sandbox.down();
    rmSync(this.root, { recursive: true, force: true });
  }
}

export const docker = (...args: string[]): string => execFileSync('docker', args, { encoding: 'utf8' }).trim();
