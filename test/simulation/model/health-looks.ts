import { curl } from './app.ts';
import type { AppContainer } from './app-container.ts';
import type { Engine } from './engine.ts';

/** The compose file's `interval`. */
export const INTERVAL_MS = 30_000;
/** Its `start_period`: what fails before is not counted. */
const START_PERIOD_MS = 60_000;
const RETRIES = 3;

/** The engine's looks at a container's health: every half minute, and what it says in between is as old as the last one. */
export class HealthLooks {
  status: 'starting' | 'healthy' | 'unhealthy' = 'starting';
  readonly log: { readonly Start: string }[] = [];
  #failed = 0;
  readonly #engine: Engine;
  readonly #app: AppContainer;

  constructor(engine: Engine, app: AppContainer) {
    this.#engine = engine;
    this.#app = app;
  }

  /** The container was started. */
  begin(): void {
    this.status = 'starting';
    this.log.length = 0;
    this.#failed = 0;
    this.#later();
  }

  #later(): void {
    this.#app.after(INTERVAL_MS, () => {
      this.#look();
      this.#later();
    });
  }

  #look(): void {
    const { container } = this.#app;
    if (container.state !== 'running' || !container.healthcheck?.length) return;
    // It waits with them, and its time limit is longer than they ever stand still.
    if (this.#app.frozen) return;
    this.log.push({ Start: `${this.#app.now()} ms` });
    if (!curl(this.#engine, container, container.healthcheck?.at(-1) ?? '').exitCode) {
      this.status = 'healthy';
      this.#failed = 0;
    } else if (this.#app.now() - container.startedAt > START_PERIOD_MS) {
      this.#failed += 1;
      if (this.#failed >= RETRIES) this.status = 'unhealthy';
    }
  }
}
