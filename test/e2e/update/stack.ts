import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Changes, createFreshSandbox, type Sandbox } from '../../sandbox/sandbox.ts';
import { runScript } from '../../support/run-script.ts';

/** What is released, as far as a test can tell it from outside. */
export interface Release {
  readonly commit: string;
  readonly marker: string;
}

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

  /** @param port the first of four. */
  static async prepared(name = 'wfops-update', port = 28380): Promise<Stack> {
    const root = mkdtempSync(path.join(os.tmpdir(), `${name}-`));
    const ports = { http: port, direct: port + 1, postgres: port + 2, redis: port + 3 };
    return new Stack(await createFreshSandbox({ name, root, ports }), root);
  }

  /** The first deployment. */
  async deploy(): Promise<void> {
    writeFileSync(this.config, JSON.stringify({ bootSeconds: 15 }));
    this.sandbox.writeEnv();
    const compose = readFileSync(path.join(this.sandbox.deployDir, 'docker-compose.prod.yml'), 'utf8');
    // The image's health check is quick, so that proofs need not wait for it.
    this.base = await this.sandbox.release({
      files: { 'docker-compose.prod.yml': compose.replace('interval: 30s', 'interval: 2s') },
    });
    await this.redeploy();
  }

  get config(): string {
    return path.join(this.root, 'target.json');
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

  /** Waits until the engine calls all three healthy: it takes a while after they are. */
  async settled(): Promise<void> {
    for (;;) {
      const services = (['whalefall', 'postgres', 'redis'] as const).map((s) => this.container(s));
      const states = docker('inspect', '-f', '{{.State.Health.Status}}', ...services).split('\n');
      if (states.every((state) => state === 'healthy')) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** A release on origin, not pulled. */
  async release(changes: Changes = {}): Promise<Release> {
    const commit = await this.sandbox.release({ on: this.base, ...changes });
    const json = this.git(['show', `${commit}:release.json`], this.sandbox.origin);
    return { commit, marker: (JSON.parse(json) as { marker: string }).marker };
  }

  container(service: 'whalefall' | 'postgres' | 'redis'): string {
    const labels = [`project=${this.sandbox.project}`, `service=${service}`, 'oneoff=False'];
    return docker('ps', '-aq', ...labels.flatMap((l) => ['--filter', `label=com.docker.compose.${l}`]));
  }

  /** stdout of a command in the application's container. */
  inApp(argv: readonly string[], input = ''): string {
    const args = ['exec', '-i', this.container('whalefall'), ...argv];
    return execFileSync('docker', args, { encoding: 'utf8', input, maxBuffer: 1e8 });
  }

  sql(query: string): string {
    const psql = ['psql', '-XqAt', '-U', 'whalefall_user', '-d', 'whalefall_prod'];
    const args = ['exec', '-i', this.container('postgres'), ...psql];
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
