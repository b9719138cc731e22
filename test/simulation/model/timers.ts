import { vi } from 'vitest';
import type { VirtualClock } from './clock.ts';

interface Timer {
  readonly due: number;
  readonly fire: () => void;
  stop: () => void;
  unref(): void;
}

const nothing = () => undefined;

/**
 * The script's own `setTimeout`, on the model's clock: its deadlines. They cost nothing, and none of them comes by accident, because
 * they count only while a command hangs.
 */
export class Timers {
  readonly #all = new Set<Timer>();
  readonly #clock: VirtualClock;
  #counting = false;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Deadlines come from now on. */
  count(): void {
    this.#counting = true;
    for (const timer of this.#all) this.#start(timer);
  }

  /** No deadline comes any more. */
  rest(): void {
    this.#counting = false;
    for (const timer of this.#all) timer.stop();
  }

  /** Takes the place of the real ones until the returned function is called. */
  install(): () => void {
    const set = (callback: (...args: unknown[]) => void, milliseconds = 0, ...args: unknown[]) => {
      const fire = () => {
        this.#all.delete(timer);
        callback(...args);
      };
      const timer: Timer = { due: this.#clock.monotonic() + milliseconds, fire, stop: nothing, unref: nothing };
      this.#all.add(timer);
      if (this.#counting) this.#start(timer);
      return timer;
    };
    const clear = (timer: Timer | undefined) => {
      if (timer && this.#all.delete(timer)) timer.stop();
    };
    vi.stubGlobal('setTimeout', set);
    vi.stubGlobal('clearTimeout', clear);
    return () => vi.unstubAllGlobals();
  }

  #start(timer: Timer): void {
    const left = Math.max(0, timer.due - this.#clock.monotonic());
    const off = new AbortController();
    timer.stop = () => off.abort();
    this.#clock.sleep(left, off.signal).then(timer.fire, nothing);
  }
}
