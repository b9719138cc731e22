import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';

const SCRIPT = new URL('../../lib/domain/hold/doorman.py', import.meta.url).pathname;

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The program as a process of this machine; `ask` gives an order. */
async function doorman(settings: object) {
  const port = await freePort();
  const child: ChildProcessWithoutNullStreams = spawn('python3', [SCRIPT]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: Interface = createInterface({ input: child.stdout });
  const answer = async () => JSON.parse(String((await once(lines, 'line'))[0]));
  const ask = async (order: object) => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    return answer();
  };
  expect(await ask({ atMost: 60, page: 'PAGE', ports: [port], ...settings })).toEqual({ ready: true });
  return { port, ask };
}

/** Who comes, and what came back once it has ended. */
function visitor(port: number, says: string | Buffer = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (d) => (text += d)).on('error', () => undefined);
  socket.write(says);
  return once(socket, 'close').then(() => text);
}

const PAGE = /^HTTP\/1\.1 503 [\s\S]*Retry-After[\s\S]*PAGE$/;

it('lets no more wait than there is room for: who comes beyond that gets the page, and nobody else', async () => {
  const { port, ask } = await doorman({ most: 2 });
  const waiting = [visitor(port), visitor(port)];
  await expect.poll(() => ask({ look: true })).toMatchObject({ waiting: 2, turnedAway: 0 });
  expect(await visitor(port)).toMatch(PAGE);
  expect(await visitor(port)).toMatch(PAGE);
  await expect.poll(() => ask({ look: true })).toMatchObject({ taken: 4, waiting: 2, turnedAway: 2 });
  await ask({ close: true });
  for (const text of await Promise.all(waiting)) expect(text).toMatch(PAGE);
});

it('cuts nobody by TLS who has a ticket and no answer yet', async () => {
  const { port, ask } = await doorman({});
  // As a server does from TLS 1.3 on, and then takes its time.
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .once('data', () => {
        socket.write('ticket');
        setTimeout(() => socket.end(' answer'), 3_500);
      });
  }).listen(port, '::1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const waiting = visitor(port, Buffer.from([0x16, 3, 1]));
  await expect.poll(() => ask({ look: true })).toMatchObject({ waiting: 1 });
  await ask({ lead: '::1' });
  expect(await ask({ finish: 10 })).toMatchObject({ open: 0, cut: 0 });
  expect(await waiting).toBe('ticket answer');
});
