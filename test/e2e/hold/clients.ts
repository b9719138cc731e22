import { once } from 'node:events';
import http, { type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { PORTS } from './little.ts';

/** What a client got: a status and what was said, or the error's code. */
export interface Got {
  readonly status: number | string;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** One request; never rejects. @param body what is sent, in pieces, a tenth of a second apart. */
export async function ask(url: string, options: RequestOptions = {}, body: readonly Buffer[] = []): Promise<Got> {
  const { request } = url.startsWith('https') ? https : http;
  try {
    const call = request(url, { agent: false, ...options, ...{ rejectUnauthorized: false } });
    const answered = once(call, 'response') as Promise<[http.IncomingMessage]>;
    for (const piece of body) {
      call.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    call.end();
    const [response] = await answered;
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode ?? 0, body: text, headers: response.headers };
  } catch (error) {
    return { status: (error as NodeJS.ErrnoException).code ?? String(error), body: '', headers: {} };
  }
}

/** A connection on which both sides go on talking, as over a websocket, for two seconds: 200, or what went wrong. */
async function converse(port: number): Promise<Got> {
  const call = http.request({ host: '127.0.0.1', port, headers: { connection: 'Upgrade', upgrade: 'echo' } });
  const got = (status: number | string): Got => ({ status, body: '', headers: {} });
  try {
    const agreed = once(call, 'upgrade') as Promise<[http.IncomingMessage, Socket]>;
    call.end();
    const [, socket] = await agreed;
    for (let word = 0; word < 20; word += 1) {
      socket.write(`${word}\n`);
      const [said] = (await once(socket, 'data')) as [Buffer];
      if (String(said) !== `${word}\n`) return got(`${word} came back as ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    socket.end();
    return got(200);
  } catch (error) {
    return got((error as NodeJS.ErrnoException).code ?? String(error));
  }
}

/** Slow, large, encrypted, upgraded, the other family, over one connection that is kept: all in 200s, or what went wrong. */
export async function every(): Promise<readonly Got[]> {
  const at = (host: string, port: number, path: string) => `http://${host}:${port}${path}`;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const upload = Array.from({ length: 30 }, () => Buffer.alloc(50_000));
  const headers = { 'content-length': String(30 * 50_000) };
  const kept = async () => {
    const got: Got[] = [];
    for (let i = 0; i < 5; i += 1) got.push(await ask(at('127.0.0.1', PORTS.direct, '/'), { agent }));
    agent.destroy();
    return got;
  };
  const all = await Promise.all([
    ask(at('127.0.0.1', PORTS.http, '/?s=2')),
    ask(at('127.0.0.1', PORTS.http, '/download?s=3')),
    ask(at('127.0.0.1', PORTS.direct, '/'), { method: 'POST', headers }, upload),
    ask(`https://127.0.0.1:${PORTS.https}/?s=1`),
    ask(at('[::1]', PORTS.http, '/?s=1')),
    converse(PORTS.http),
    kept(),
  ]);
  return all.flat();
}
