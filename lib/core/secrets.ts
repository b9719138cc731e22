import { quote } from 'zx/core';
import { printable } from './text.ts';

const PLACEHOLDER = '[secret]';

/** Shorter values are too common as ordinary words to be searched for. */
const SHORTEST = 4;
const SHORTEST_ENCODED = 8;

/** Knows the secret values of a run and removes them from whatever leaves the process. */
export class Secrets {
  #values: string[] = [];

  /** Registers a value together with the shapes it takes in URLs, JSON, shell words, Python, base64, and on the screen. */
  add(...values: readonly string[]): void {
    for (const value of values) if (value.length >= SHORTEST) this.#values.push(...shapesOf(value));
    // Longest first: a secret may contain another.
    this.#values = [...new Set(this.#values)].sort((a, b) => b.length - a.length);
  }

  redact(text: string): string {
    let clean = text;
    for (const value of this.#values) clean = clean.replaceAll(value, PLACEHOLDER);
    return clean;
  }

  /** The same value with every text in it redacted: in JSON a shape of a secret may be another. */
  redactIn<T>(value: T): T {
    return redactedIn(value, (text) => this.redact(text)) as T;
  }
}

/** The same value with every text in it redacted. */
export function redactedIn(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((v) => redactedIn(v, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, redactedIn(v, redact)]));
}

function shapesOf(value: string): string[] {
  return [
    value,
    inUrl(value),
    inUrl(value).replaceAll('%20', '+'),
    JSON.stringify(value).slice(1, -1),
    quote(value),
    value.replaceAll('\\', '\\\\').replaceAll("'", "\\'"), // Python's repr of what has both quotes
    ...inBase64(value),
    printable(value),
  ];
}

/** A value may hold half a character, which has no place in a URL. */
const inUrl = (value: string): string => encodeURIComponent(value.replace(/\p{Cs}/gu, '\ufffd'));

/**
 * Also behind other bytes, as `user:password` is: these shift it by one or two bytes, and only what lies between the first and the last
 * four characters is its alone.
 */
function inBase64(value: string): string[] {
  const whole = Buffer.from(value).toString('base64');
  const bytes = Buffer.byteLength(value);
  const within = [0, 1, 2].map((before) => {
    const shifted = Buffer.from(' '.repeat(before) + value).toString('base64');
    return shifted.slice(before === 0 ? 0 : 4, Math.floor((before + bytes) / 3) * 4);
  });
  const found = [whole, whole.replace(/=+$/, ''), ...within.filter((text) => text.length >= SHORTEST_ENCODED)];
  return found.flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')]);
}
