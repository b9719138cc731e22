import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { printable } from '../../core/text.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a server asks of a client before it lets it in; `trust` is nothing at all. */
export type Asked = 'trust' | 'password' | 'md5' | 'scram' | 'rejected' | { readonly other: number };

/** Version 3.0 of the protocol: every server since 2003. */
const PROTOCOL = 196_608;
/** The first answer of a server is far smaller. */
const LONGEST_ANSWER = 16_384;
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);

/**
 * Opens a session over TCP as far as the server's first answer, and asks for nothing more: no password is needed, none
 * is sent. Loopback inside the server's container proves nothing; ask the published port or the container's own address.
 * Without TLS, as the application connects: `hostssl` lines are not seen.
 *
 * @returns what the server asks for; `rejected` when its pg_hba.conf lets this client in by no method.
 * @throws {OpsError} `deadline` without an answer in time; `command` when nothing listens, the answer is not
 * PostgreSQL's, or the server says no for another reason (starting up, too many connections).
 */
export async function askedFor(
  ops: Pick<Ops, 'net' | 'signal'>,
  address: Address,
  as: { readonly user: string; readonly database: string },
  timeoutMs: number,
): Promise<Asked> {
  ops.signal.throwIfAborted();
  const where = `${address.host}:${address.port}`;
  return new Promise<Asked>((resolve, reject) => {
    const socket = ops.net.connect({ host: address.host, port: address.port });
    let received = Buffer.alloc(0);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      ops.signal.removeEventListener('abort', aborted);
      // Under trust a session has begun; say goodbye, so that the server logs no error.
      if (socket.writable) socket.end(TERMINATE);
      socket.destroySoon();
      settle();
    };
    const fail = (kind: 'command' | 'deadline', en: string, zh: string, cause?: unknown) =>
      end(() => reject(new OpsError({ kind, what: { en: `${where}: ${en}`, zh: `${where}: ${zh}` }, cause })));
    const aborted = () => end(() => reject(ops.signal.reason));
    const timer = setTimeout(
      () => fail('deadline', `no answer within ${timeoutMs} ms`, `${timeoutMs} 毫秒内没有应答`),
      timeoutMs,
    );
    ops.signal.addEventListener('abort', aborted, { once: true });
    socket.on('connect', () => socket.write(startupMessage(as)));
    socket.on('error', (e: NodeJS.ErrnoException) =>
      fail('command', `no connection (${e.code ?? e.message})`, `无法连接 (${e.code ?? e.message})`, e),
    );
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const answer = firstAnswer(received);
      if (answer === undefined) return;
      if (typeof answer === 'object' && 'wrong' in answer) fail('command', answer.wrong, answer.wrong);
      else end(() => resolve(answer));
    });
    socket.on('close', () => fail('command', 'closed without an answer', '连接被关闭, 没有应答'));
  });
}

export function startupMessage(as: { readonly user: string; readonly database: string }): Buffer {
  const body = Buffer.from(`user\0${as.user}\0database\0${as.database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(PROTOCOL, 4);
  return Buffer.concat([head, body]);
}

/** `undefined` until the first message is whole. */
export function firstAnswer(received: Buffer): Asked | { readonly wrong: string } | undefined {
  if (received.length === 0) return undefined;
  const type = String.fromCharCode(received[0] as number);
  if (type !== 'R' && type !== 'E') return { wrong: 'not a PostgreSQL server' };
  if (received.length < 5) return undefined;
  const length = received.readInt32BE(1);
  if (length < 8 || length > LONGEST_ANSWER) return { wrong: 'not a PostgreSQL server' };
  if (received.length < 1 + length) return undefined;
  const body = received.subarray(5, 1 + length);
  return type === 'R' ? asked(body) : refusal(body);
}

function asked(body: Buffer): Asked {
  const code = body.readInt32BE(0);
  if (code === 0) return 'trust';
  if (code === 3) return 'password';
  if (code === 5) return 'md5';
  const mechanisms = body.subarray(4).toString('latin1').split('\0');
  return code === 10 && mechanisms.includes('SCRAM-SHA-256') ? 'scram' : { other: code };
}

/** Fields of an ErrorResponse: a letter and a text each; `C` is the SQLSTATE, whatever the server's language. */
function refusal(body: Buffer): 'rejected' | { readonly wrong: string } {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .map((f) => [f[0], f.slice(1)]),
  );
  if (fields.get('C') === '28000') return 'rejected';
  return { wrong: printable(`${fields.get('M') ?? '?'} (${fields.get('C') ?? '?'})`) };
}
