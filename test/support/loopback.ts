import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Net } from '../../lib/core/ops.ts';

/** A request as a server of ours got it. */
export interface Got {
  readonly method: string;
  /** Path and parameters. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A web server on loopback that goes with the test. `'silence'`: it takes the request and never answers. */
export async function webServer(
  answer: (got: Got, number: number) => Answer | 'silence',
): Promise<{ readonly origin: string; readonly got: Got[] }> {
  const got: Got[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    got.push({ method, url, headers, body: Buffer.concat(chunks).toString('utf8') });
    const said = answer(got.at(-1) as Got, got.length);
    if (said !== 'silence') response.writeHead(said.status ?? 200, said.headers).end(said.body ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got };
}

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
  readonly login: string | undefined;
}

/** A mail server on loopback that lets one user in (AUTH PLAIN) and refuses recipients that `refuses` names. */
export async function mailServer(
  user: string,
  password: string,
  refuses = '',
): Promise<{ readonly port: number; readonly got: Mail[] }> {
  const got: Mail[] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    let [buffer, inData] = ['', false];
    let mail = { from: '', to: [] as string[], data: '', login: undefined as string | undefined };
    const say = (text: string) => socket.write(`${text}\r\n`);
    const hear = (words: string) => {
      const [verb = ''] = words.toUpperCase().split(/[ :]/);
      if (verb === 'EHLO') return say('250-mx\r\n250 AUTH PLAIN');
      if (verb === 'AUTH') {
        const [, name, pass] = Buffer.from(words.split(' ')[2] ?? '', 'base64')
          .toString('utf8')
          .split('\0');
        mail.login = name;
        return say(name === user && pass === password ? '235 welcome' : '535 5.7.8 wrong credentials');
      }
      if (verb === 'MAIL') mail.from = /<(.*?)>/.exec(words)?.[1] ?? '';
      if (verb === 'RCPT') {
        const to = /<(.*?)>/.exec(words)?.[1] ?? '';
        if (to === refuses) return say('550 5.1.1 no such mailbox here');
        mail.to.push(to);
      }
      if (verb === 'DATA') {
        inData = true;
        return say('354 go on');
      }
      if (verb === 'QUIT') return socket.end('221 bye\r\n');
      return say('250 ok');
    };
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      buffer += chunk;
      for (;;) {
        const end = buffer.indexOf(inData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const part = buffer.slice(0, end);
        buffer = buffer.slice(end + (inData ? 5 : 2));
        if (!inData) hear(part);
        else {
          inData = false;
          got.push({ ...mail, data: part });
          mail = { from: '', to: [], data: '', login: mail.login };
          say('250 taken');
        }
      }
    });
    say('220 mx ESMTP');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, got };
}

/** The network, but only this machine: whatever else is asked for fails the test. */
export const loopback: Net = {
  fetch: (url, init) => {
    if (!/^http:\/\/127\.0\.0\.1[:/]/.test(url)) throw new Error(`a test reached the network: ${new URL(url).host}`);
    return fetch(url, { ...init, redirect: 'manual' });
  },
  connect: () => {
    throw new Error('connected');
  },
  tryBind: async () => undefined,
  addresses: () => [],
};
