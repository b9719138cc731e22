import type { Clock } from '../../../lib/core/ops.ts';

interface Sleeper {
  readonly due: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Turns of the event loop without any work before time may pass: streams and promises need a few to settle. */
const QUIET_TURNS = 3;

/**
 * Time that passes only when nobody has anything else to do: then it jumps to the next moment that somebody waits for. Commands
 * take their time by sleeping here too, so a minute of polling costs nothing and the order of events is always the same.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #quiet = 0;
  #pumping = false;
  readonly #sleepers: Sleeper[] = [];
  readonly #start: number;

  constructor(start = Date.parse('2026-01-02T03:04:05Z')) {
    this.#start = start;
  }

  now = (): number => this.#start + this.#now;

  monotonic = (): number => this.#now;

  /** RFC 3339 with seconds, as the engine prints dates. */
  stamp(): string {
    return new Date(this.now()).toISOString().replace(/\.\d+/, '');
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        const at = this.#sleepers.indexOf(sleeper);
        if (at >= 0) this.#sleepers.splice(at, 1);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper = { due: this.#now + milliseconds, order: this.#order++, wake };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(sleeper);
      this.#quiet = 0;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const turn = () => {
      if (this.#sleepers.length === 0) {
        this.#pumping = false;
        return;
      }
      // Files are read by other threads: their work is no idleness.
      const reading = process.getActiveResourcesInfo().some((r) => r.startsWith('FSReq'));
      this.#quiet = reading ? 0 : this.#quiet + 1;
      if (this.#quiet >= QUIET_TURNS) this.#wakeNext();
      setImmediate(turn);
    };
    setImmediate(turn);
  }

  #wakeNext(): void {
    const next = this.#sleepers.reduce((a, b) => (b.due < a.due || (b.due === a.due && b.order < a.order) ? b : a));
    this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
    this.#now = Math.max(this.#now, next.due);
    this.#quiet = 0;
    next.wake();
  }
}
