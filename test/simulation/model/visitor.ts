import { MIX } from './app-files.ts';

/** What a request would meet at a moment. */
export type Service =
  | { readonly kind: 'answers'; readonly contents: readonly string[] }
  /** Somebody listens, nobody answers as yet. */
  | { readonly kind: 'waits' }
  | { readonly kind: 'down' };

const PATIENCE_MS = 10_000;

/** Somebody who asks without a pause, for as long as a script runs. */
export class Visitor {
  /** What went wrong, with its time. */
  readonly failures: string[] = [];
  readonly mixes: string[] = [];
  /** When nobody answered for a while, and then somebody did. */
  readonly waits: string[] = [];
  /** The commits whose code answered. */
  readonly answered = new Set<string>();
  readonly twoSchedulers: string[] = [];
  /** When requests to the scheduler were refused. */
  readonly schedulerRefused: string[] = [];
  /** The container died or was restarted while somebody was looking. */
  interruptions = 0;
  #state: Service | undefined;
  #since = 0;
  #watching = false;

  start(now: number, state: Service): void {
    this.#watching = true;
    this.failures.length = 0;
    this.mixes.length = 0;
    this.waits.length = 0;
    this.answered.clear();
    this.twoSchedulers.length = 0;
    this.schedulerRefused.length = 0;
    this.interruptions = 0;
    this.#state = state;
    this.#since = now;
  }

  stop(now: number): void {
    this.#judge(now);
    this.#watching = false;
  }

  /** Things are so from now on. */
  see(now: number, state: Service, scheduler: { readonly count: number; readonly listens: boolean }): void {
    if (!this.#watching) return;
    if (scheduler.count > 1) this.twoSchedulers.push(`at ${now} ms: ${scheduler.count} schedulers`);
    if (!scheduler.listens) this.schedulerRefused.push(`at ${Math.round(now)} ms`);
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#judge(now);
    this.#state = state;
    this.#since = now;
  }

  #judge(now: number): void {
    const state = this.#state;
    const lasted = now - this.#since;
    const when = `from ${Math.round(this.#since)} ms on, for ${Math.round(lasted)} ms`;
    if (state === undefined || lasted <= 0) return;
    if (state.kind === 'answers') for (const content of state.contents) this.answered.add(content);
    if (state.kind === 'waits') this.waits.push(when);
    if (state.kind === 'answers' && state.contents.includes(MIX)) this.mixes.push(when);
    if (state.kind === 'down') this.failures.push(`refused ${when}`);
    if (state.kind === 'waits' && lasted > PATIENCE_MS) this.failures.push(`no answer ${when}`);
  }
}
