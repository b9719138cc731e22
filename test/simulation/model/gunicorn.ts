import type { AppContainer } from './app-container.ts';
import { behaviourAt, contentAt, fileAt, MIX } from './app-files.ts';
import type { Release } from './release.ts';
import { INVALID, RAISES } from './release-files.ts';

export const BOOT_MS = 600;
/** From the start of the master until it listens and makes workers. */
const MASTER_MS = 100;
/** A worker that is to go ends its requests first. */
const LEAVE_MS = 150;
/** A worker that does not beat for so long is killed: gunicorn's `timeout`. */
const TIMEOUT_MS = 120_000;
const CRASH_IN_PLACE_MS = 1_500;

export interface Worker {
  readonly pid: number;
  /** Milliseconds of the machine. */
  readonly start: number;
  /** The commit whose files it was started from, or a mix. */
  content: string;
  readonly release: Release | undefined;
  booted: boolean;
  leaving: boolean;
  /** It is held up in a request, and does not hear that it is to end. */
  hung?: boolean;
  /** It is at something beside its requests, and is not gone before that has ended, or its master kills it. */
  atJob?: boolean;
}

/** A program line: what supervisord, or a person, starts. */
export interface Launch {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Settings that stand above its configuration, by gunicorn's names. */
  readonly instead?: Readonly<Record<string, unknown>>;
}

export interface Config {
  readonly bind: string;
  readonly workers: number;
  readonly preload: boolean;
  /** Every line `name = value`. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Where its configuration lies: the last word of its command line counts. */
export function configOf({ argv, cwd }: Launch): string {
  const at = argv.lastIndexOf('--config');
  const file = (at < 0 ? undefined : argv[at + 1]) ?? 'gunicorn.conf.py';
  return file.startsWith('/') ? file : `${cwd}/${file}`;
}

/** gunicorn's settings from its file and its command line; undefined when they can't be read. */
export function readConfig(app: AppContainer, launch: Launch): Config | undefined {
  const { argv, instead = {} } = launch;
  const text = fileAt(app.container, configOf(launch))?.data;
  if (text === undefined || text.includes(INVALID) || text.includes(RAISES)) return undefined;
  const settings = new Map([...text.matchAll(/^(\w+) = (.*)$/gm)].map((m) => [m[1] ?? '', m[2] ?? ''] as const));
  for (const [at, word] of argv.entries()) {
    const name = /^--(bind|workers)$/.exec(word)?.[1];
    if (name) settings.set(name, argv[at + 1] ?? '');
  }
  for (const [name, value] of Object.entries(instead)) settings.set(name, String(value));
  return {
    bind: (settings.get('bind') ?? '127.0.0.1:8000').replaceAll('"', ''),
    workers: Number(settings.get('workers') ?? 1),
    preload: settings.get('preload_app') === 'True',
    settings,
  };
}

/** A master and its workers. */
export class Gunicorn implements Launch {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly instead: Readonly<Record<string, unknown>>;
  readonly pid: number;
  readonly start: number;
  alive = true;
  listening = false;
  bind = '';
  workers: Worker[] = [];
  #wanted = 0;
  #turn = 0;
  /** The code that it has loaded itself: its workers are forked from that, whatever lies there by then. */
  #preloaded: Pick<Worker, 'content' | 'release'> | undefined;
  readonly #app: AppContainer;
  readonly #ended: () => void;

  /** @param ended called when the master ended by itself. */
  constructor(app: AppContainer, launch: Launch, ended: () => void) {
    this.#app = app;
    this.#ended = ended;
    this.argv = launch.argv;
    this.cwd = launch.cwd;
    this.env = launch.env;
    this.instead = launch.instead ?? {};
    this.pid = app.newPid();
    this.start = app.now();
    app.after(MASTER_MS, () => {
      if (!this.alive) return;
      if (!this.#configure()) return this.#halt('the configuration can not be read');
      this.listening = true;
      this.#manage();
    });
  }

  #configure(): boolean {
    const config = readConfig(this.#app, this);
    if (!config) return false;
    this.bind = config.bind;
    this.#wanted = config.workers;
    if (config.preload) this.#preloaded ??= this.#load();
    return true;
  }

  #load(): Pick<Worker, 'content' | 'release'> {
    const { container, releases } = this.#app;
    return {
      release: behaviourAt(container, this.cwd, releases),
      content: contentAt(container, this.cwd, releases),
    };
  }

  /** As many as wanted: new ones, or the oldest go. Those that are leaving still count until they are gone. */
  #manage(): void {
    while (this.workers.length < this.#wanted) this.#spawn();
    for (const worker of this.workers.slice(0, Math.max(this.workers.length - this.#wanted, 0))) this.#leave(worker);
  }

  #spawn(): void {
    const { release, content } = this.#preloaded ?? this.#load();
    const start = this.#app.now();
    const worker: Worker = { pid: this.#app.newPid(), start, content, release, booted: false, leaving: false };
    this.workers.push(worker);
    this.#app.log(`[${worker.pid}] [INFO] Booting worker with pid: ${worker.pid}`);
    this.#app.after(release?.bootMs ?? BOOT_MS, () => this.#boot(worker));
  }

  #boot(worker: Worker): void {
    const { release } = worker;
    if (!this.#has(worker) || worker.leaving) return;
    if (release?.cannotCreate) this.#app.log('ImportError: cannot import name create_app');
    if (release === undefined || release.cannotCreate || release.crashesAtBoot)
      return this.#halt(`Worker (pid:${worker.pid}) exited with code 3; Reason: Worker failed to boot.`);
    if (release.neverHealthy || release.importHangs) return this.#app.after(TIMEOUT_MS, () => this.#gone(worker));
    worker.booted = true;
    if (release.crashesInPlace && this.cwd === '/app') this.#app.after(CRASH_IN_PLACE_MS, () => this.#gone(worker));
  }

  #has = (worker: Worker): boolean => this.alive && this.workers.includes(worker);

  #leave(worker: Worker): void {
    if (worker.leaving) return;
    worker.leaving = true;
    this.#app.after(worker.hung || worker.atJob ? TIMEOUT_MS : LEAVE_MS, () => this.#gone(worker));
  }

  /** The master notices that a worker is gone, and makes another if one is missing. */
  #gone(worker: Worker): void {
    if (!this.#has(worker)) return;
    this.workers = this.workers.filter((w) => w !== worker);
    this.#manage();
  }

  #halt(why: string): void {
    this.#app.log(`[${this.pid}] [ERROR] ${why}`);
    this.end();
    this.#ended();
  }

  /** At once, workers too. */
  end(): void {
    this.alive = false;
    this.listening = false;
    this.workers = [];
  }

  /** What gunicorn makes of a signal to its master. */
  signal(name: string): void {
    if (!this.listening) return;
    if (name === 'TTIN') this.#wanted += 1;
    else if (name === 'TTOU') this.#wanted = Math.max(this.#wanted - 1, 1);
    else if (name === 'HUP') {
      if (!this.#configure()) return this.#halt('the configuration can not be read');
      // As many new ones as configured, whatever there is; then the oldest go, whether or not the new ones serve.
      for (let i = 0; i < this.#wanted; i += 1) this.#spawn();
    } else throw new Error(`not modelled: SIG${name} to gunicorn`);
    this.#manage();
  }

  /** A worker ends after its last request; the master makes another when it is gone. */
  term(pid: number): void {
    const worker = this.workers.find((w) => w.pid === pid);
    if (worker) this.#leave(worker);
  }

  kill(pid: number): boolean {
    const worker = this.workers.find((w) => w.pid === pid);
    if (worker) this.#gone(worker);
    return worker !== undefined;
  }

  /** Python reads a module when it comes to it: who is loading while files change has some of both. */
  filesChanged(): void {
    if (this.#preloaded) return;
    for (const worker of this.workers) {
      if (worker.booted || worker.content === MIX) continue;
      if (contentAt(this.#app.container, this.cwd, this.#app.releases) !== worker.content) worker.content = MIX;
    }
  }

  get serving(): readonly Worker[] {
    return this.listening ? this.workers.filter((w) => w.booted && !w.leaving && !w.hung) : [];
  }

  /** The next worker in turn. */
  next(): Worker | undefined {
    const { serving } = this;
    this.#turn += 1;
    return serving[this.#turn % Math.max(serving.length, 1)];
  }
}
