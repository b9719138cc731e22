import { readdirSync, readFileSync } from 'node:fs';
import type { Ops } from '../../core/ops.ts';
import { ask, read } from '../../core/run.ts';

/** This machine's own ends of connections to some of its ports: the engine's proxy has them, for whoever comes from this machine. */
export interface Sockets {
  /** Connected, and not yet taken by whoever listens. */
  readonly queued: number;
  /** A peer may still get or send something. */
  readonly open: number;
}

/** Established, being made, half closed, with data that was not sent yet: as in proc(5), /proc/net/tcp. */
const UNDER_WAY = new Set(['01', '03', '04', '08', '09', '0B']);
const LISTENS = '0A';

export async function socketsAt(ops: Ops, ports: readonly number[]): Promise<Sockets> {
  // Exit code 1: a kernel without IPv6 has no table of it.
  return socketsIn(await ask(ops, read(['cat', '/proc/net/tcp', '/proc/net/tcp6']), [0, 1]), ports);
}

export function socketsIn(tables: string, ports: readonly number[]): Sockets {
  let [queued, open] = [0, 0];
  for (const line of tables.split('\n')) {
    const [, local = '', , state = '', queues = ''] = line.trim().split(/\s+/);
    if (!ports.includes(Number.parseInt(local.split(':')[1] ?? '', 16))) continue;
    // Of a socket that listens, the receive queue is that of connections.
    if (state === LISTENS) queued += Number.parseInt(queues.split(':')[1] ?? '0', 16);
    else if (UNDER_WAY.has(state)) open += 1;
  }
  return { queued, open };
}

/** What a connection takes of the engine's proxy: both ends, and a pipe each way (splice). */
const DESCRIPTORS = 6;

/**
 * How many connections one port may have at once. Whoever comes from this machine is led through the engine's proxy (docker-proxy), which
 * ends, and all its connections with it, when it has no descriptor left for the next one. A fifth is left for those that are turned away.
 *
 * @returns undefined where no such proxy runs, or none is to be seen.
 */
export function roomInProxy(): number | undefined {
  const limits = readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? (descriptorsOfProxy(pid) ?? []) : []));
  return limits.length === 0 ? undefined : Math.floor((Math.min(...limits) / DESCRIPTORS) * 0.8);
}

/** Go raises its own limit to the hard one. */
function descriptorsOfProxy(pid: string): number | undefined {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'docker-proxy') return undefined;
    const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
    return hard === undefined ? undefined : Number(hard);
  } catch {
    return undefined; // it has just ended
  }
}
