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
function visitor(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (d) => (text += d)).on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
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
