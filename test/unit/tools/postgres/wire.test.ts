import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { askedFor, firstAnswer, startupMessage } from '../../../../lib/tools/postgres/wire.ts';

const as = { user: 'app', database: 'appdb' };

const ask = (port: number, timeoutMs = 1_000, signal = new AbortController().signal) =>
  askedFor({ net: { connect } as never, signal }, { host: '127.0.0.1', port }, as, timeoutMs);

/** A server that does `answer` once it has the client's first bytes. */
async function server(answer: (socket: Socket, received: Buffer) => void): Promise<number> {
  const listening = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (received) => answer(socket, received));
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void listening.close());
  return (listening.address() as { port: number }).port;
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function authentication(code: number, rest = ''): Buffer {
  const body = Buffer.alloc(4);
  body.writeInt32BE(code);
  return message('R', Buffer.concat([body, Buffer.from(rest)]));
}

const error = (code: string, text = 'nein') => message('E', Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`));

it.each([
  ['trust', authentication(0), 'trust'],
  ['password', authentication(3), 'password'],
  ['md5', authentication(5, 'salt'), 'md5'],
  ['scram', authentication(10, 'SCRAM-SHA-256\0\0'), 'scram'],
  ['scram over TLS', authentication(10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0'), 'scram'],
  ['another SASL', authentication(10, 'OAUTHBEARER\0\0'), { other: 10 }],
  ['GSS', authentication(7), { other: 7 }],
  ['no rule', error('28000'), 'rejected'],
])('understands %s, in one packet or byte by byte', async (_what, answer, expected) => {
  const whole = await server((socket) => socket.write(answer));
  expect(await ask(whole)).toEqual(expected);
  const bytes = await server(async (socket) => {
    for (const byte of answer) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  expect(await ask(bytes)).toEqual(expected);
});

it('reads the first answer only: under trust an error may follow it', async () => {
  const port = await server((socket) => socket.write(Buffer.concat([authentication(0), error('3D000')])));
  expect(await ask(port)).toBe('trust');
});

it('sends a StartupMessage of protocol 3.0, and a goodbye', async () => {
  const seen: Buffer[] = [];
  let ended = false;
  const port = await server((socket, received) => {
    seen.push(received);
    socket.on('data', (more) => seen.push(more));
    socket.on('end', () => {
      ended = true;
    });
    socket.write(authentication(0));
  });
  await ask(port);
  await expect.poll(() => ended).toBe(true);
  expect(seen[0]).toEqual(startupMessage(as));
  expect(seen[0]?.subarray(0, 8).toString('hex')).toBe('0000002100030000');
  expect(seen[1]?.toString('hex')).toBe('5800000004');
});

it.each([
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['an absurd length', Buffer.from([0x52, 0x7f, 0xff, 0xff, 0xff])],
  ['a negative length', Buffer.from([0x52, 0xff, 0xff, 0xff, 0xff])],
  ['a length too short', Buffer.from([0x52, 0, 0, 0, 4])],
])('does not take %s for an answer', async (_what, garbage) => {
  const port = await server((socket) => socket.write(garbage));
  await expect(ask(port)).rejects.toMatchObject({
    kind: 'command',
    message: expect.stringContaining('not a PostgreSQL'),
  });
});

it('says why a server refuses everybody', async () => {
  const port = await server((socket) => socket.write(error('57P03', 'das Datenbanksystem startet')));
  await expect(ask(port)).rejects.toMatchObject({ message: expect.stringContaining('startet (57P03)') });
});

it('tells silence, a closed connection and a closed port apart', async () => {
  const silent = await server(() => undefined);
  await expect(ask(silent, 50)).rejects.toMatchObject({ kind: 'deadline' });
  const rude = await server((socket) => socket.end());
  await expect(ask(rude)).rejects.toMatchObject({ message: expect.stringContaining('closed without') });
  const closed = await server(() => undefined);
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const { port } = gone.address() as { port: number };
  await new Promise((resolve) => gone.close(resolve));
  expect(closed).not.toBe(port);
  await expect(ask(port)).rejects.toMatchObject({ kind: 'command', message: expect.stringContaining('ECONNREFUSED') });
});

it('stops when the run is stopped', async () => {
  const silent = await server(() => undefined);
  const stop = new AbortController();
  const asked = ask(silent, 10_000, stop.signal);
  setTimeout(() => stop.abort(new Error('stopped')), 20);
  await expect(asked).rejects.toThrow('stopped');
});

it('never throws on any bytes, and never says trust without an authentication message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const answer = firstAnswer(Buffer.from(bytes));
      if (answer === 'trust') expect([...bytes.slice(0, 1), ...bytes.slice(5, 9)]).toEqual([0x52, 0, 0, 0, 0]);
    }),
    { numRuns: 5_000 },
  );
});
