import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Net } from '../../../lib/core/ops.ts';
import { remoteMethod } from './cluster.ts';
import { throughDoor } from './door.ts';
import type { Container } from './engine.ts';
import type { Machine } from './machine.ts';

/** A request takes this long. */
const REQUEST_MS = 4;
/** A client waits for so long; real timers don't know the model's time. */
const PATIENCE_MS = 5_000;
const WAIT_MS = 50;
/** Who is held waits longer. */
const HELD_MS = 60_000;

/** The network as the script's process sees it: published ports, and the containers' own addresses. */
export function net(machine: Machine): Net {
  const { engine, clock } = machine;
  const behind = (host: string, port: number): { container: Container; target: number } | undefined => {
    engine.catchUp();
    if (host === '127.0.0.1' || host === 'localhost') return engine.publisher(machine.firewall.leads(port) ?? port);
    const container = engine.at(host);
    return container ? { container, target: port } : undefined;
  };
  return {
    async fetch(url, { signal }) {
      const { hostname, port, pathname } = new URL(url);
      await clock.sleep(REQUEST_MS, signal);
      const peer = behind(hostname, Number(port || 80));
      peer?.container.doorman?.take();
      const deadline = clock.monotonic() + (peer?.container.doorman ? HELD_MS : PATIENCE_MS);
      for (;;) {
        const answer = peer && throughDoor(engine, peer, pathname);
        if (typeof answer === 'object') return answer;
        if (answer === undefined) break;
        if (clock.monotonic() > deadline)
          throw new TypeError('fetch failed', { cause: Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }) });
        await clock.sleep(WAIT_MS, signal);
      }
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
    },
    connect({ host, port }) {
      const peer = behind(host, port);
      return new Wire(peer?.target === 5432 ? peer.container : undefined, () => clock.monotonic()) as unknown as Socket;
    },
    tryBind: async ({ host, port }) => {
      if (!engine.hasAddress(host)) return 'no-address';
      return machine.takenPorts.has(port) || engine.publisher(port) !== undefined ? 'taken' : undefined;
    },
    addresses: () => [...engine.addresses],
  };
}

/** A connection to a PostgreSQL server, as far as its first answer. */
class Wire extends Duplex {
  readonly #container: Container | undefined;

  constructor(container: Container | undefined, now: () => number) {
    super();
    this.#container = container;
    const { server } = container ?? {};
    const listens = server !== undefined && now() >= server.readyAt;
    setImmediate(() => {
      if (listens) this.emit('connect');
      else this.destroy(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const isStartup = chunk.length > 8 && chunk.readInt32BE(4) === 196_608;
    if (isStartup) this.push(greeting(remoteMethod(this.#container?.server?.inForce ?? [])));
    done();
  }

  destroySoon(): void {
    this.destroy();
  }
}

function greeting(method: string): Buffer {
  if (method === 'reject') return message('E', Buffer.from('SFATAL\0C28000\0Mno pg_hba.conf entry\0\0'));
  const code = { trust: 0, password: 3, md5: 5 }[method] ?? 10;
  const number = Buffer.alloc(4);
  number.writeInt32BE(code);
  return message('R', code === 10 ? Buffer.concat([number, Buffer.from('SCRAM-SHA-256\0\0')]) : number);
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
