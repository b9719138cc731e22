import { allEnded } from '../core/concurrency.ts';
import { endpointsOf, type Health, healthCheck } from '../domain/app/health.ts';
import { listPrograms, schedulerOf } from '../domain/app/programs.ts';
import { GLANCE_MS } from '../tools/http/within.ts';
import { type Drift, driftIn, type Environment, environmentOf } from './environment.ts';
import { type LogLine, lastOf, logFiles, logsOfContainer } from './logs.ts';
import { type Context, type Service, serviceOf } from './service.ts';

/** One of supervisord's programs. */
export interface AppProgram {
  readonly name: string;
  /** supervisord's word: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL. */
  readonly state: string;
  /** In the container's own numbers; null when it does not run. */
  readonly pid: number | null;
  /** Its child processes. */
  readonly workers: number;
  /** What it does, by what it does and not by its name; null of nginx and the like. */
  readonly role: 'web' | 'scheduler' | null;
}

/** The application's container: nginx, gunicorn and what else supervisord runs. */
export interface App extends Service {
  /** @throws {OpsError} `precondition`: not running; `command`: it has no Python that could look. */
  programs(): Promise<readonly AppProgram[]>;
  /** Variables of the application in four views. @throws {OpsError} `precondition`: not running. */
  environment(): Promise<Environment>;
  /** Variables that are not as a rebuild would make them, by name; none when all is as `.env` says. Throws as `environment`. */
  drift(): Promise<readonly Drift[]>;
  /**
   * The last `lines` (default 100) of everything together, oldest first: what the container wrote, and the log files of its programs,
   * nginx and supervisord. Of a stopped container what it wrote.
   */
  logs(lines?: number): Promise<readonly LogLine[]>;
  /**
   * Both checks: basic through nginx, deep (database and Redis) directly, 5 s each. An application that answers nothing is not healthy,
   * and no error.
   *
   * @throws {OpsError} `precondition`: not running.
   */
  health(): Promise<Health>;
}

export function appOf(context: Context): App {
  const { ops, stack } = context;
  const service = serviceOf(context, 'app');
  const environment = async () => {
    const container = service.running();
    const web = (await listPrograms(ops, container.id)).find((p) => p.ports.includes(ops.target.ports.direct));
    return environmentOf(context, container, web?.pid);
  };
  return {
    ...service,
    async programs() {
      const { id } = service.running();
      const all = await listPrograms(ops, id);
      const web = all.find((p) => p.ports.includes(ops.target.ports.direct));
      const scheduler = schedulerOf(all, web);
      return all.map(
        (p): AppProgram => ({
          name: p.name,
          state: p.state,
          pid: p.pid === 0 ? null : p.pid,
          workers: p.workers.length,
          role: p === web ? 'web' : p === scheduler ? 'scheduler' : null,
        }),
      );
    },
    environment,
    drift: async () => driftIn(await environment(), ops.target),
    async logs(lines = 100) {
      const { container } = service;
      if (container === undefined) return [];
      const all = await allEnded([
        logsOfContainer(ops, container, stack.services.app.key, lines),
        container.state === 'running' ? logFiles(ops, container, lines) : Promise.resolve([]),
      ]);
      return lastOf(all.flat(), lines);
    },
    health: async () => healthCheck(ops, endpointsOf(ops.target, service.running()), { timeoutMs: GLANCE_MS }),
  };
}
