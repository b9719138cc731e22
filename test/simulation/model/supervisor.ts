import { type AppContainer, SUPERVISOR_FILE } from './app-container.ts';
import { fileAt, ROOT } from './app-files.ts';
import { Gunicorn, type Launch } from './gunicorn.ts';

/** A program counts as running when it stayed up for so long: `startsecs`. */
const START_MS = 1_000;
const TRIES = 3;
/** What a program takes to end when asked to. */
const STOP_MS = 200;

type State = 'STOPPING' | 'STARTING' | 'RUNNING' | 'BACKOFF' | 'FATAL' | 'STOPPED';

/** One of supervisord's programs. */
export class Supervised {
  readonly name: string;
  readonly launch: Launch;
  /** Its `stopwaitsecs`, all of which it takes. */
  readonly stopSeconds: number | undefined;
  state: State = 'STOPPED';
  pid = 0;
  start = 0;
  gunicorn: Gunicorn | undefined;
  #tries = 0;
  readonly #app: AppContainer;

  constructor(app: AppContainer, { name, launch, stopSeconds }: Configured) {
    this.#app = app;
    this.stopSeconds = stopSeconds;
    this.name = name;
    this.launch = launch;
  }

  spawn(): void {
    const app = this.#app;
    this.state = 'STARTING';
    const gunicorn = this.launch.argv.some((w) => w.endsWith('gunicorn'))
      ? new Gunicorn(app, this.launch, () => this.#ended())
      : undefined;
    this.gunicorn = gunicorn;
    this.pid = gunicorn?.pid ?? app.newPid();
    this.start = app.now();
    const { pid } = this;
    if (this.launch.argv[0] === '/bin/false') app.after(1, () => this.pid === pid && this.#ended());
    app.after(START_MS, () => {
      if (this.state !== 'STARTING' || this.pid !== pid) return;
      this.state = 'RUNNING';
      this.#tries = 0;
    });
  }

  #ended(): void {
    const early = this.state === 'STARTING';
    this.pid = 0;
    this.gunicorn = undefined;
    this.#tries = early ? this.#tries + 1 : 0;
    if (this.#tries > TRIES) {
      this.state = 'FATAL';
      return;
    }
    this.state = 'BACKOFF';
    this.#app.after(this.#tries * 1_000, () => {
      if (this.state === 'BACKOFF') this.spawn();
    });
  }

  stop(): void {
    this.gunicorn?.end();
    this.gunicorn = undefined;
    this.pid = 0;
    this.state = 'STOPPED';
  }

  /** `supervisorctl restart`; what follows is up to time. */
  restart(): void {
    this.#tries = 0;
    if (this.stopSeconds === undefined) this.stop();
    else this.state = 'STOPPING';
    this.#app.after(this.stopSeconds === undefined ? STOP_MS : this.stopSeconds * 1000, () => {
      this.stop();
      this.spawn();
    });
  }
}

interface Configured {
  readonly name: string;
  readonly launch: Launch;
  readonly stopSeconds: number | undefined;
}

/** The programs of its configuration as it lies there. */
export function configured({ container }: AppContainer): Configured[] {
  const text = fileAt(container, SUPERVISOR_FILE)?.data ?? '';
  return text.split(/^(?=\[program:)/m).flatMap((section) => {
    const name = /^\[program:(\w+)\]/.exec(section)?.[1];
    const argv = /^command=(.*)$/m.exec(section)?.[1]?.split(' ');
    const scheduler = /ENABLE_SCHEDULER="(\w+)"/.exec(section)?.[1];
    if (!name || !argv) return [];
    const env = { ...container.env, ...(scheduler ? { ENABLE_SCHEDULER: scheduler } : {}) };
    const seconds = /^stopwaitsecs=(\d+)$/m.exec(section)?.[1];
    return [{ name, launch: { argv, cwd: ROOT, env }, stopSeconds: seconds ? Number(seconds) : undefined }];
  });
}

/** supervisord reads its configuration at its start, and never again. */
export function startPrograms(app: AppContainer): void {
  app.programs = configured(app).map((program) => new Supervised(app, program));
  for (const program of app.programs) program.spawn();
}
