import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
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

/** What the doorman leads to: says each of these after its pause in ms, and goes on listening unless it is to end. */
async function behind(port: number, says: readonly (readonly [ms: number, text: string])[], ends = false) {
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .once('data', async () => {
        for (const [ms, text] of says) {
          await pause(ms);
          socket.write(text);
        }
        if (ends) socket.end();
      });
  }).listen(port, '::1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
}

const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\n';
const STREAMED = 'HTTP/1.1 200 OK\r\n\r\nanswer';

/** One visitor who has waited is led to what says this; then the doorman is told to finish. */
async function finished(
  says: Parameters<typeof behind>[1],
  { first = 'GET / HTTP/1.1\r\n\r\n' as string | Buffer, ends = false, seconds = 10 } = {},
) {
  const { port, ask } = await doorman({});
  await behind(port, says, ends);
  const waiting = visitor(port, first);
  await expect.poll(() => ask({ look: true })).toMatchObject({ waiting: 1 });
  await ask({ lead: '::1' });
  const state = await ask({ finish: seconds });
  return { state, text: await waiting };
}

it('cuts nobody by TLS who has a ticket and no answer yet', async () => {
  // As a server does from TLS 1.3 on, and then takes its time.
  const says = [
    [0, 'ticket'],
    [3_500, ' answer'],
  ] as const;
  const { state, text } = await finished(says, { first: Buffer.from([0x16, 3, 1]), ends: true });
  expect(state).toMatchObject({ open: 0, cut: 0 });
  expect(text).toBe('ticket answer');
});

it('waits for the rest of an answer that pauses, however its end is told', async () => {
  const halves = {
    chunks: [CHUNKED, '0\r\n\r\n'],
    length: [LENGTH.slice(0, -3), LENGTH.slice(-3)],
    end: [STREAMED, ' to the end of the connection'],
    interim: ['HTTP/1.1 100 Continue\r\n\r\n', LENGTH],
  } as const;
  const all = Object.entries(halves).map(async ([told, [first, rest]]) => {
    const says = [
      [0, first],
      [3_500, rest],
    ] as const;
    const { state, text } = await finished(says, { ends: told === 'end' });
    expect(state, told).toMatchObject({ open: 0, cut: 0 });
    expect(text).toBe(first + rest);
  });
  await Promise.all(all);
});

it('closes a connection that is only kept for the next request soon, and does not call it cut', async () => {
  const answers = [
    ['GET', LENGTH],
    ['GET', `${CHUNKED}0\r\n\r\n`],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET', `HTTP/1.1 100 Continue\r\n\r\n${LENGTH}`],
    ['HEAD', LENGTH.replace('answer', '')],
  ] as const;
  const all = answers.map(async ([method, answer]) => {
    const { state } = await finished([[0, answer]], { first: `${method} / HTTP/1.1\r\n\r\n` });
    expect(state, answer).toMatchObject({ open: 0, cut: 0 });
  });
  await Promise.all(all);
});

it('lets no more in than nginx has room for, however slowly they are answered', async () => {
  const { port, ask } = await doorman({});
  let now = 0;
  let most = 0;
  const server = createServer((socket) => {
    now += 1;
    most = Math.max(most, now);
    setTimeout(() => {
      now -= 1;
      socket.end(LENGTH);
    }, 6_000);
    socket.on('error', () => undefined).resume();
  }).listen(port, '::1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const waiting = Array.from({ length: 320 }, () => visitor(port));
  await expect.poll(() => ask({ look: true })).toMatchObject({ waiting: 320 });
  await ask({ lead: '::1' });
  for (const text of await Promise.all(waiting)) expect(text).toBe(LENGTH);
  expect(most).toBe(256);
});

it('lets others in past those who have asked for nothing', async () => {
  const { port, ask } = await doorman({});
  await behind(port, [[0, LENGTH]], true);
  const silent = Array.from({ length: 256 }, () => visitor(port, ''));
  await expect.poll(() => ask({ look: true })).toMatchObject({ waiting: 256 });
  const waiting = visitor(port);
  await expect.poll(() => ask({ look: true })).toMatchObject({ waiting: 257 });
  await ask({ lead: '::1' });
  const first = await Promise.race([waiting, ...silent, pause(12_000).then(() => 'nobody')]);
  expect(first).toBe(LENGTH);
});

it('says who was cut in the middle of an answer', async () => {
  const { state } = await finished([[0, CHUNKED]], { seconds: 3 });
  expect(state).toMatchObject({ open: 1, cut: 1 });
});

it('waits until a slow visitor has got all of an answer', async () => {
  const { port, ask } = await doorman({});
  const body = 'x'.repeat(1_000_000); // more than a kernel takes for somebody who does not read
  await behind(port, [[0, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`]]);
  const socket = connect(port, '127.0.0.1').pause();
  onTestFinished(() => void socket.destroy());
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await expect.poll(() => ask({ look: true })).toMatchObject({ waiting: 1 });
  await ask({ lead: '::1' });
  let isOver = false;
  const finishing = ask({ finish: 30 }).finally(() => {
    isOver = true;
  });
  await pause(4_000);
  expect(isOver).toBe(false);
  let got = 0;
  socket.on('data', (data) => (got += data.length)).resume();
  expect(await finishing).toMatchObject({ open: 0, cut: 0 });
  await expect.poll(() => got).toBeGreaterThanOrEqual(body.length);
});

it('serves also those whose connection was on its way when it was told to finish', async () => {
  const { port, ask } = await doorman({});
  await behind(port, [[0, LENGTH]], true);
  await ask({ lead: '::1' });
  const finishing = ask({ finish: 10 });
  await pause(500);
  expect(await visitor(port)).toBe(LENGTH);
  expect(await finishing).toMatchObject({ taken: 1, open: 0, cut: 0 });
});
