import type { Ops } from '../../core/ops.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { beginningOf } from '../http/outcome.ts';

/** What is sent over HTTP. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A channel that is asked over HTTP. */
export interface HttpChannel {
  /** @throws {TypeError} when the address is no URL. */
  post(what: Message, to: Addresses, now: number): Post;
  /** What the answer's body says against it, in the service's own words; these services answer 200 all the same. `undefined`: it was taken. */
  refusal(body: string): string | undefined;
}

/** What is to be said: a title, a text for people, and the same for programs. */
export interface Message {
  readonly title: string;
  /** Lines; the title is not among them. */
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Addresses {
  readonly url: string;
  readonly secret?: string | undefined;
}

/** Why it did not get there; `undefined`: it did. Never has an address in it. */
export type Failure = Text | undefined;

const LONGEST_ANSWER = 65_536;
/** Once more: one lost packet at night should not be what keeps somebody from being told. */
const TRIES = 2;
const PAUSE_MS = 1_000;

/**
 * Sends, and judges by the answer's status and body. A connection that failed, or a server that was in trouble (5xx), is asked once more.
 *
 * @param ops.signal ends it; that is a failure like any other.
 */
export async function send(
  ops: Pick<Ops, 'net' | 'clock' | 'signal'>,
  make: () => Post,
  refusal: HttpChannel['refusal'],
): Promise<Failure> {
  for (let tries = 1; ; tries += 1) {
    const said = await once(ops, make, refusal);
    if (said === undefined || !said.again || tries === TRIES || ops.signal.aborted) return said?.why;
    await ops.clock.sleep(PAUSE_MS, ops.signal).catch(() => undefined);
    if (ops.signal.aborted) return said.why;
  }
}

interface Unsent {
  readonly why: Text;
  readonly again: boolean;
}

async function once(
  { net, signal }: Pick<Ops, 'net' | 'signal'>,
  make: () => Post,
  refusal: HttpChannel['refusal'],
): Promise<Unsent | undefined> {
  let made: Post;
  try {
    made = make();
    if (!/^https?:\/\//i.test(made.url)) throw new TypeError('no http address');
  } catch {
    return { why: NO_URL, again: false }; // Node's own words have the address in them
  }
  try {
    const { url, headers, body } = made;
    const response = await net.fetch(url, {
      method: 'POST',
      headers: { ...headers, connection: 'close' },
      body,
      signal,
    });
    const { text: answer } = await beginningOf(response, LONGEST_ANSWER);
    const { status } = response;
    const shown = line(answer);
    if (status < 200 || status > 299)
      return { why: same(`HTTP ${status}${shown && `: ${shown}`}`), again: status >= 500 };
    const against = refusal(answer);
    if (against === undefined) return undefined;
    return {
      why: { en: `refused, with HTTP ${status}: ${line(against)}`, zh: `被拒绝 (HTTP ${status}): ${line(against)}` },
      again: false,
    };
  } catch (error) {
    if (signal.aborted) return { why: TOO_LATE, again: false };
    return { why: { en: `no connection (${codeOf(error)})`, zh: `无法连接 (${codeOf(error)})` }, again: true };
  }
}

/** Not its message: that may have the address in it. */
export function codeOf(error: unknown): string {
  const { code } = (error instanceof Error ? error : {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) ? code : 'error';
}

/** Foreign words in one line; cut only when secrets are out of it. */
export const line = (words: string): string => printable(words.trim().replace(/\s+/g, ' '));

export const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' } as const;

/** An answer that is a JSON object, else nothing. */
export function objectIn(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const said: unknown = JSON.parse(body);
    return typeof said === 'object' && said !== null && !Array.isArray(said) ? { ...said } : undefined;
  } catch {
    return undefined;
  }
}

/** Whole characters, at most so many bytes of UTF-8. */
export function atMost(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let kept = '';
  let size = 3; // of the dots
  for (const c of text) {
    size += Buffer.byteLength(c);
    if (size > bytes) break;
    kept += c;
  }
  return `${kept}…`;
}

const NO_URL: Text = { en: 'its address is no http or https URL', zh: '地址不是有效的 http/https URL' };
export const TOO_LATE: Text = { en: 'no answer in time', zh: '未在时限内应答' };
