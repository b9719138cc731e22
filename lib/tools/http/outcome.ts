import type { Ops } from '../../core/ops.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { DUE, within } from './within.ts';

/** Why there was no answer that could be read. */
export type Outcome =
  | 'refused'
  | 'timeout'
  | 'network'
  | 'redirect'
  | 'not-found'
  | 'gateway'
  | 'http'
  | 'html'
  | 'too-large';

export type Answer =
  | { readonly outcome: 'ok'; readonly body: string }
  | { readonly outcome: Outcome; readonly text: Text };

/** A health report has a few hundred bytes. */
const LARGEST_BODY = 65_536;

/**
 * Asks for a URL and tells apart what can go wrong. Only a 200 with a body that is not a web page is `ok`.
 *
 * @param timeoutMs from the connection to the last byte.
 * @throws the signal's reason when the run is stopped; nothing else.
 */
export async function fetchBody(ops: Pick<Ops, 'net' | 'signal'>, url: string, timeoutMs: number): Promise<Answer> {
  try {
    // A connection of its own, so that each question may reach another worker.
    const answer = await within(ops, timeoutMs, async (signal) =>
      read(await ops.net.fetch(url, { signal, headers: { connection: 'close' } })),
    );
    if (answer !== DUE) return answer;
    return { outcome: 'timeout', text: { en: `no answer within ${timeoutMs} ms`, zh: `${timeoutMs} 毫秒内没有应答` } };
  } catch (error) {
    ops.signal.throwIfAborted();
    return notConnected(error);
  }
}

async function read(response: Response): Promise<Answer> {
  const { status } = response;
  if (response.redirected || (status >= 300 && status < 400)) {
    const to = printable(response.headers.get('location') ?? response.url).slice(0, 200);
    return { outcome: 'redirect', text: { en: `redirected to ${to}`, zh: `被重定向到 ${to}` } };
  }
  if (status === 404) return { outcome: 'not-found', text: { en: 'no such path (404)', zh: '路径不存在 (404)' } };
  if (status === 502 || status === 503 || status === 504) {
    return {
      outcome: 'gateway',
      text: { en: `nginx does not reach the application (${status})`, zh: `nginx 无法连接到应用 (${status})` },
    };
  }
  if (status !== 200) return { outcome: 'http', text: same(`HTTP ${status}`) };
  const { text: body, isWhole } = await beginningOf(response, LARGEST_BODY);
  if (!isWhole) {
    return {
      outcome: 'too-large',
      text: { en: `more than ${LARGEST_BODY} bytes`, zh: `返回内容超过 ${LARGEST_BODY} 字节` },
    };
  }
  if (/html/i.test(response.headers.get('content-type') ?? '') || /^\s*<(!doctype|html)/i.test(body)) {
    return {
      outcome: 'html',
      text: { en: 'a web page instead of a health report', zh: '返回的是网页, 不是健康检查结果' },
    };
  }
  return { outcome: 'ok', body };
}

/** An answer's body, as far as the part that goes over `most` bytes. */
export async function beginningOf(response: Response, most: number): Promise<{ text: string; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let left = most;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    left -= (chunk as Uint8Array).length;
    if (left < 0) break;
  }
  return { text: Buffer.concat(chunks).toString('utf8'), isWhole: left >= 0 };
}

/** fetch wraps the system's error. */
function notConnected(error: unknown): Answer {
  const { code, message } = (error instanceof Error ? (error.cause ?? error) : {}) as {
    code?: string;
    message?: string;
  };
  if (code === 'ECONNREFUSED') {
    return {
      outcome: 'refused',
      text: { en: 'nothing listens there (connection refused)', zh: '端口无服务 (连接被拒绝)' },
    };
  }
  const why = printable(code ?? message ?? String(error));
  return { outcome: 'network', text: { en: `the connection failed (${why})`, zh: `连接失败 (${why})` } };
}
