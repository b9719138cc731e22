import type { Container, Engine } from './engine.ts';
import type { Conversation } from './process.ts';

/** Seconds after which it goes when nobody is there any more. */
const ORPHANED_MS = 20_000;

interface Order {
  readonly ports?: readonly number[];
  readonly to?: string;
  readonly lead?: string;
  readonly close?: true;
  readonly finish?: number;
}

/** What `lib/domain/hold/doorman.py` does in its container. */
export class Doorman {
  /** The address that requests are passed on to; without one, they wait. */
  to: string | undefined;
  shut = false;
  taken = 0;
  turnedAway = 0;
  #home: string | undefined;
  readonly #engine: Engine;
  readonly #container: Container;
  /** Its client learns that it has ended. */
  onEnd: () => void = () => undefined;

  constructor(engine: Engine, container: Container) {
    this.#engine = engine;
    this.#container = container;
  }

  /** One line for one. */
  #answer(line: string): Record<string, unknown> {
    const order = JSON.parse(line) as Order;
    if (order.ports) {
      this.#home = order.to;
      return { ready: true };
    }
    if (order.lead) this.lead(order.lead);
    if (order.close) this.close();
    return { taken: this.taken, open: 0, waiting: 0, turnedAway: this.turnedAway, cut: 0, longest: 0 };
  }

  take(): void {
    this.taken += 1;
    if (this.shut) this.turnedAway += 1;
  }

  close(): void {
    this.shut = true;
  }

  lead(to: string): void {
    this.to = to;
    this.#home = to;
    this.shut = false;
  }

  /** What its client says and hears. */
  talk(): Conversation {
    return {
      byLine: true,
      answer: (line) => {
        if (!this.#stands()) return undefined;
        const said = JSON.stringify(this.#answer(line));
        if (!this.#stands()) return undefined;
        if ((JSON.parse(line) as Order).finish !== undefined) queueMicrotask(() => this.#leave());
        return [said];
      },
      onEnd: (end) => {
        this.onEnd = end;
      },
      end: () => {
        if (!this.#stands()) return;
        if (this.#home) this.lead(this.#home);
        void this.#engine.clock.sleep(ORPHANED_MS).then(() => this.#leave());
      },
    };
  }

  #stands = () => this.#engine.find(this.#container.id) !== undefined;

  #leave(): void {
    if (this.#stands()) this.#engine.remove(this.#container);
  }
}
