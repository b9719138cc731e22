interface Event {
  readonly at: number;
  readonly order: number;
  readonly does: () => void;
}

/**
 * What will happen by itself, in order of time. Nothing runs in the background: it is caught up with whenever somebody looks, so that
 * a container which is forgotten costs nothing.
 */
export class Timeline {
  readonly #events: Event[] = [];
  readonly #clock: { monotonic(): number };
  readonly #seen: () => void;
  #order = 0;
  /** The moment of the event that happens now. */
  #moment: number | undefined;

  /** @param seen called after each event. */
  constructor(clock: { monotonic(): number }, seen: () => void) {
    this.#clock = clock;
    this.#seen = seen;
  }

  now = (): number => this.#moment ?? this.#clock.monotonic();

  after(milliseconds: number, does: () => void): void {
    this.#events.push({ at: this.now() + milliseconds, order: this.#order++, does });
  }

  /** Has everything happen that is due. */
  catchUp(): void {
    if (this.#moment !== undefined) return;
    for (;;) {
      const next = this.#events.reduce<Event | undefined>(
        (a, b) => (a === undefined || b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a),
        undefined,
      );
      if (next === undefined || next.at > this.#clock.monotonic()) return;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.#moment = next.at;
      next.does();
      this.#seen();
      this.#moment = undefined;
    }
  }
}
