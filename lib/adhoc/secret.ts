import { inspect } from 'node:util';

/**
 * A value that can be compared and not be shown: as text, as JSON and under `console.log` it reads `[hidden]`, and neither `$` nor
 * `db.query` takes it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Whether both hold the same value. */
  equals(other: Secret | undefined): boolean {
    return other !== undefined && other.#value === this.#value;
  }

  /** Characters, for telling "set" from "empty". */
  get length(): number {
    return this.#value.length;
  }

  /** The value itself, for what is compared with something else. What is shown later is redacted only if its name is that of a secret. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

const HIDDEN = '[hidden]';
