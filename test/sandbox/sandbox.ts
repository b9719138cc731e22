import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commentOf } from '../../lib/domain/hold/rules.ts';
import { removeProject } from './cleanup.ts';
import { SENTINELS, writeEnvFile } from './env-file.ts';
import { cloneFrom, commitTo, countCommits, createOrigin, type Files, pullInto } from './git.ts';
import { ensureBaseImages, removeBaseImages } from './images.ts';
import { afterRealHead, makeCertificate, REAL_DIR, realFiles } from './real.ts';
import { recipe } from './recipe.ts';
import { $ } from './run.ts';
import { APP_DIR, type Ports, renderTemplates } from './templates.ts';

/** How a release may misbehave; `app/app/release.py` explains each. What is left out behaves well. */
type Switches = {
  marker?: string;
  import_error?: boolean;
  import_delay?: number;
  factory_error?: boolean;
  wsgi_error?: boolean;
  boot_delay?: number;
  boot_hang?: boolean;
  error_500?: boolean;
  never_healthy?: boolean;
  deep_unhealthy?: boolean;
  sick_when?: string;
  needs_column?: string;
  deep_path?: 'new' | 'old' | 'both';
  slow?: number;
  scheduler_error?: boolean;
  exit_at_start?: boolean;
  exit_after?: number;
  build_error?: boolean;
  build_delay?: number;
};

/**
 * A release: its switches, other files (null removes one), and names of extra migrations from `releases/`. It starts from
 * the files of origin's newest commit, or of the commit `on`: so that what a broken release brought need not be taken back.
 */
export type Changes = Switches & { files?: Files; migrations?: string[]; message?: string; on?: string };

export type SandboxOptions = {
  name: string;
  root: string;
  ports: Ports;
  hostIp?: '127.0.0.1' | '0.0.0.0';
  /** `real`: like the deployed application where that hurts; publishes `ports.https` as well. */
  like?: 'plain' | 'real';
};

/**
 * Two checkouts on one machine may run at once: `SANDBOX_LANE=1` to `7` gives each names and ports of its own. Without it the
 * options are taken as they are.
 */
function inLane(options: SandboxOptions): SandboxOptions {
  const lane = laneNumber();
  const ports = Object.entries(options.ports).map(([name, port]) => [name, port - lane * 1000]);
  return { ...options, name: nameInLane(options.name), ports: Object.fromEntries(ports) as Ports };
}

function laneNumber(): number {
  const lane = Number(process.env.SANDBOX_LANE ?? 0);
  if (!Number.isInteger(lane) || lane < 0 || lane > 7) throw new Error('SANDBOX_LANE is a number from 0 to 7');
  return lane;
}

const nameInLane = (name: string): string => (laneNumber() === 0 ? name : `${name}-lane${laneNumber()}`);

/** What a test calls something on the engine: noted, so that it is known whose it is when it is left there. */
export const ownName = (name: string): string => noted(nameInLane(name));

function noted(name: string): string {
  const file = process.env.E2E_NAMES;
  if (file) appendFileSync(file, `${name}\n`);
  return name;
}

/** One miniature stack: a remote, a deploy directory, and everything that compose makes from it. */
export class Sandbox {
  readonly project: string;
  readonly dir: string;
  readonly origin: string;
  readonly deployDir: string;
  readonly appImage: string;
  readonly url: string;
  readonly directUrl: string;
  /** Of one like the deployed application: the plain one has no TLS. */
  readonly httpsUrl: string | undefined;
  readonly secrets = SENTINELS;

  readonly options: SandboxOptions;

  constructor(asked: SandboxOptions) {
    const options = inLane(asked);
    this.options = options;
    this.project = options.name;
    this.dir = join(options.root, options.name);
    this.origin = join(this.dir, 'origin.git');
    // Compose takes the project's name from the directory's name, as it does in production.
    this.deployDir = join(this.dir, this.project);
    this.appImage = `${this.project}/whalefall:prod`;
    this.url = `http://127.0.0.1:${options.ports.http}`;
    this.directUrl = `http://127.0.0.1:${options.ports.direct}`;
    this.httpsUrl = this.isReal ? `https://127.0.0.1:${options.ports.https}` : undefined;
  }

  get isReal(): boolean {
    return this.options.like === 'real';
  }

  /** Commit a new release to origin's main branch. The deploy directory doesn't have it before {@link pull}. */
  async release(changes: Changes = {}): Promise<string> {
    const { files = {}, migrations = [], message, on, ...switches } = changes;
    const marker = switches.marker ?? `release-${(await countCommits(this.origin)) + 1}`;
    const extra = migrations.map((name) => {
      const text = readFileSync(join(import.meta.dirname, 'releases', `${name}.py`), 'utf8');
      return [`migrations/versions/${name}.py`, this.isReal ? afterRealHead(text) : text];
    });
    const all = {
      'release.json': `${JSON.stringify({ ...switches, marker }, null, 2)}\n`,
      ...Object.fromEntries(extra),
      ...files,
    };
    return commitTo(this.origin, message ?? `Release ${marker}`, all, on);
  }

  /** Bring the deploy directory to origin's main branch; answers the commit. */
  async pull(): Promise<string> {
    return pullInto(this.deployDir);
  }

  /** Write a valid `.env` with the sentinel secrets; `null` leaves a variable out. */
  writeEnv(overrides: Record<string, string | null> = {}): string {
    return writeEnvFile(this.deployDir, overrides, this.isReal ? join(this.deployDir, 'env.example') : undefined);
  }

  /** Run docker compose in the deploy directory, for tests that do something by hand; answers stdout. */
  async compose(...args: string[]): Promise<string> {
    const run = $({ cwd: this.deployDir, env: { PATH: process.env.PATH, HOME: process.env.HOME } });
    return (await run`docker compose -f docker-compose.prod.yml ${args}`).stdout;
  }

  /** Remove this sandbox: containers, networks, volumes, images and its directory; on request the base images too. */
  async down(options: { images?: boolean } = {}): Promise<void> {
    await removeProject(this.project, `${this.project}/whalefall`);
    rmSync(this.dir, { recursive: true, force: true });
    if (options.images) await removeBaseImages();
  }
}

/**
 * Prepare a sandbox: base images, the remote with a first release, and the deploy directory, a clone without `.env`.
 * Nothing runs yet. One that exists already is opened as it is.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const sandbox = new Sandbox(options);
  noted(sandbox.project);
  noted(commentOf({ state: join(sandbox.deployDir, '.whalefall-ops') }));
  const { ports } = sandbox.options;
  // They may have been removed since: they are every sandbox's.
  const images = await ensureBaseImages();
  if (!existsSync(sandbox.origin)) {
    const { hostIp = '127.0.0.1' } = options;
    const values = { prefix: sandbox.project, appImage: sandbox.appImage, images, ports, hostIp };
    const files = sandbox.isReal
      ? { ...realFiles(), ...renderTemplates(values, REAL_DIR) }
      : { ...renderTemplates(values), ...(recipe().suite === 'trixie' && withoutRecycling()) };
    await createOrigin(sandbox.origin, APP_DIR, files);
  }
  await cloneFrom(sandbox.origin, sandbox.deployDir);
  if (sandbox.isReal) await makeCertificate(sandbox.deployDir);
  return sandbox;
}

/**
 * Threaded workers of gunicorn 23, which Debian 13 has, lose connections that they had taken when they are replaced after max_requests,
 * whoever operates the stack (benoitc/gunicorn#3380): requests that are counted as lost would not be those that the scripts have lost.
 */
function withoutRecycling(): Files {
  const name = 'nginx/gunicorn/gunicorn-prod.conf.py';
  return { [name]: readFileSync(join(APP_DIR, name), 'utf8').replace(/^max_requests = .*$/m, 'max_requests = 0') };
}

/** The same for a test, after removing what one of this name left behind when it was killed. */
export async function createFreshSandbox(options: SandboxOptions): Promise<Sandbox> {
  await new Sandbox(options).down();
  return createSandbox(options);
}
