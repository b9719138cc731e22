import { quote } from 'zx/core';

const PLACEHOLDER = '[secret]';

/** Shorter values are too common as ordinary words to be searched for. */
const SHORTEST = 4;

/** Knows the secret values of a run and removes them from whatever leaves the process. */
export class Secrets {
  #values: string[] = [];

  /** Registers a value together with the shapes it takes in URLs, JSON and shell words. */
  add(...values: readonly string[]): void {
    for (const value of values) {
      if (value.length < SHORTEST) continue;
      const shapes = [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), quote(value)];
      this.#values.push(...shapes);
    }
    // Longest first: a secret may contain another.
    this.#values = [...new Set(this.#values)].sort((a, b) => b.length - a.length);
  }

  redact(text: string): string {
    let clean = text;
    for (const value of this.#values) clean = clean.replaceAll(value, PLACEHOLDER);
    return clean;
  }
}
