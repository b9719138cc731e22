import { quote } from 'zx/core';
import { printable } from '../text.ts';

const PLACEHOLDER = '[secret]';

/** Shorter values are too common as ordinary words to be searched for. */
const SHORTEST = 4;

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
}

function shapesOf(value: string): string[] {
  const base64 = Buffer.from(value).toString('base64');
  const base64url = base64.replaceAll('+', '-').replaceAll('/', '_');
  return [
    value,
    inUrl(value),
    inUrl(value).replaceAll('%20', '+'),
    JSON.stringify(value).slice(1, -1),
    quote(value),
    value.replaceAll('\\', '\\\\').replaceAll("'", "\\'"), // Python's repr of what has both quotes
    ...[base64, base64url].flatMap((text) => [text, text.replace(/=+$/, '')]),
    printable(value),
  ];
}

/** A value may hold half a character, which has no place in a URL. */
const inUrl = (value: string): string => encodeURIComponent(value.replace(/\p{Cs}/gu, '\ufffd'));
