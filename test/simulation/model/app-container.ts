import { existsSync, readFileSync } from 'node:fs';
import { composeModel } from '../../unit/domain/env/readers.models.ts';
import { fileAt, write } from './app-files.ts';
import type { Container, Engine } from './engine.ts';
import { Gunicorn, type Launch } from './gunicorn.ts';
import { HealthLooks } from './health-looks.ts';
import type { Release } from './release.ts';
import { INVALID, RAISES } from './release-files.ts';
import { type Supervised, startPrograms } from './supervisor.ts';
import { Timeline } from './timeline.ts';
import { type Service, Visitor } from './visitor.ts';

const ENTRYPOINT_MS = 60;
/** The engine's first pause before it starts a container that ended; doubled each time. */
const RESTART_MS = 100;
/** The machine had been up for so long. */
const UPTIME_MS = 1_000_000;

export const SITE_TEMPLATE = '/etc/nginx/templates/whalefall-prod.template';
export const SITE_RENDERED = '/etc/nginx/sites-available/whalefall';
export const SUPERVISOR_FILE = '/etc/supervisor/conf.d/whalefall.conf';

/** A site that lies beside the rendered one: somebody's. */
export const SITE_EXTRA = '/etc/nginx/sites-enabled/extra';

/** `nginx -t` */
export const nginxAccepts = (container: Container): boolean =>
  [SITE_RENDERED, SITE_EXTRA].every((file) => !fileAt(container, file)?.data.includes(INVALID));

/** Somebody's process that is neither supervisord's nor a gunicorn that serves. */
export interface Other extends Launch {
  readonly pid: number;
}

/** The processes of an application's container: entrypoint, supervisord, its programs, and what was started beside them. */
export class AppContainer {
  readonly container: Container;
  readonly releases: ReadonlyMap<string, Release>;
  readonly visitor = new Visitor();
  readonly looks: HealthLooks;
  readonly errorLog: string[] = [];
  programs: Supervised[] = [];
  /** Started by `docker exec`: canaries and the like. */
  canaries: Gunicorn[] = [];
  others: Other[] = [];
  restarts = 0;
  /** The incarnation of which the programs stand still. */
  frozenIn: number | undefined;
  /** Moves with each start: what belongs to an earlier one is void. */
  incarnation = 0;
  #pids = 0;
  #pause = RESTART_MS;
  readonly #timeline: Timeline;

  constructor(engine: Engine, container: Container) {
    this.container = container;
    this.looks = new HealthLooks(engine, this);
    this.releases = engine.releases;
    this.#timeline = new Timeline(engine.clock, () => this.seen());
  }

  get frozen(): boolean {
    return this.frozenIn === this.incarnation;
  }

  now = (): number => this.#timeline.now();
  catchUp = (): void => this.#timeline.catchUp();

  /** Seconds since the machine's start, as precise as CLOCK_BOOTTIME is. */
  uptime = (at = this.now()): number => (UPTIME_MS + at) / 1000;
  /** A process' start as /proc has it: whole ticks. */
  startOf = (at: number): number => Math.floor((UPTIME_MS + at) / 10) / 100;

  /** Later, unless the container has ended meanwhile. */
  after(milliseconds: number, does: () => void): void {
    const { incarnation } = this;
    this.#timeline.after(milliseconds, () => {
      if (incarnation === this.incarnation) does();
    });
  }

  /** Numbers begin anew with each start, as in a namespace of its own. */
  newPid(): number {
    this.#pids += 1;
    return this.#pids;
  }

  log(line: string): void {
    this.errorLog.push(line);
  }

  /** The engine starts it: the entrypoint boots whatever lies there. */
  boot(): void {
    this.#end();
    this.#pids = 1;
    this.container.state = 'running';
    this.container.startedAt = this.now();
    this.looks.begin();
    this.container.sourced = sourced(this.container.envFile);
    this.after(ENTRYPOINT_MS, () => {
      const why = this.#entrypoint();
      if (why === undefined) startPrograms(this);
      else {
        this.log(why);
        this.die();
      }
    });
    this.seen();
  }

  /** Why the entrypoint gives up. */
  #entrypoint(): string | undefined {
    const { container } = this;
    if (container.image.release?.exitsAtStart) return 'release.json: exit_at_start';
    if (container.image.release?.exitsInPlace && !container.trial) return 'it ends where it serves';
    const template = fileAt(container, SITE_TEMPLATE)?.data ?? '';
    write(container, SITE_RENDERED, template);
    if (!nginxAccepts(container)) return 'nginx: [emerg] unexpected end of file';
    const certificate = /ssl_certificate (\S+)\//.exec(template)?.[1];
    if (certificate && container.bindKinds?.[certificate] !== 'full')
      return `nginx: [emerg] cannot load certificate "${certificate}/cert.pem": No such file or directory`;
    return fileAt(container, SUPERVISOR_FILE)?.data.includes(INVALID)
      ? 'Error: File contains parsing errors'
      : undefined;
  }

  /** With a stub in the place of supervisord: why it ends, if not well. */
  tryStart(): string | undefined {
    const why = this.#entrypoint();
    if (why !== undefined) return why;
    const text = fileAt(this.container, SUPERVISOR_FILE)?.data ?? '';
    const configurations = [...text.matchAll(/--config (\S+)/g)].map(
      (m) => fileAt(this.container, m[1] ?? '')?.data ?? '',
    );
    if (configurations.some((c) => c.includes(INVALID) || c.includes(RAISES))) return 'Error: invalid configuration';
    return this.container.image.release?.cannotCreate ? 'ImportError: cannot import name create_app' : undefined;
  }

  /** Its first process ended: the engine starts it again after a moment. */
  die(): void {
    if (this.container.state !== 'running') return;
    this.#end();
    this.visitor.interruptions += 1;
    this.container.state = 'restarting';
    this.container.endedAt = this.now();
    this.restarts += 1;
    if (this.now() - this.container.startedAt > 10_000) this.#pause = RESTART_MS;
    this.after(this.#pause, () => this.boot());
    this.#pause = Math.min(this.#pause * 2, 60_000);
    this.seen();
  }

  /** The engine ends it for good. */
  stop(): void {
    this.#end();
    this.restarts = 0;
    this.#pause = RESTART_MS;
    this.visitor.interruptions += 1;
    this.seen();
  }

  #end(): void {
    this.incarnation += 1;
    for (const g of this.gunicorns) g.end();
    this.programs = [];
    this.canaries = [];
    this.others = [];
  }

  get gunicorns(): readonly Gunicorn[] {
    return [...this.programs.flatMap((p) => p.gunicorn ?? []), ...this.canaries].filter((g) => g.alive);
  }

  /** Connections to a program that do not end by themselves. */
  underWay = 0;

  /** A gunicorn beside those of supervisord. */
  launch(launch: Launch): Gunicorn {
    const canary = new Gunicorn(this, launch, () => undefined);
    this.canaries.push(canary);
    return canary;
  }

  /** Whoever has the application's port. */
  get web(): Gunicorn | undefined {
    return this.gunicorns.find((g) => g.listening && g.bind.endsWith(':5001'));
  }

  /** Whoever has the scheduler's port. */
  get scheduler(): Gunicorn | undefined {
    return this.gunicorns.find((g) => g.listening && g.bind.endsWith(':5002'));
  }

  get nginx(): boolean {
    return this.programs.some((p) => p.name === 'nginx' && p.pid > 0);
  }

  filesChanged(): void {
    for (const g of this.gunicorns) g.filesChanged();
  }

  service(): Service {
    const { web } = this;
    if (this.container.state !== 'running' || !this.nginx || !web) return { kind: 'down' };
    if (this.frozen) return { kind: 'waits' };
    const { serving } = web;
    return serving.length > 0 ? { kind: 'answers', contents: serving.map((w) => w.content) } : { kind: 'waits' };
  }

  /** To be called after every change of processes. */
  seen(): void {
    const schedulers = this.gunicorns.filter((g) => g.env.ENABLE_SCHEDULER !== 'false').length;
    this.visitor.see(this.now(), this.service(), { count: schedulers, listens: this.scheduler !== undefined });
  }
}

const sourced = (file: string | undefined): Record<string, string> =>
  file && existsSync(file) ? Object.fromEntries(composeModel(readFileSync(file, 'utf8')) ?? []) : {};
