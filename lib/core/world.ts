import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { realpathSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createServer, isIP, type Socket, connect as tcpConnect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Beside, BindProblem, Clock, Net } from './ops.ts';
import { asTyped } from './run.ts';
import { SCRIPTS } from './text.ts';

/** The process and machine that a script runs in: the only file of `lib/` that looks at `process`. */
export interface World {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** What is typed before the name of a script of this tool, from the current directory. */
  readonly scripts: string;
  readonly pid: number;
  readonly user: string;
  readonly hostname: string;
  /** Where locks are that all users and directories of this machine share. */
  readonly locks: string;
  /** A person can be asked and can read the answer. */
  readonly interactive: boolean;
  readonly colorTerminal: boolean;
  /** Width of the terminal, if stdout is one. */
  readonly columns?: number | undefined;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly clock: Clock;
  /** Calls `tick` again and again until the returned function is called; does not keep the process alive. */
  readonly every: (milliseconds: number, tick: () => void) => () => void;
  readonly net: Net;
  readonly spawn: typeof spawn;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  /** Calls `handler` for each of the signals until the returned function is called. */
  readonly onSignal: (handler: (signal: 'SIGINT' | 'SIGTERM') => void) => () => void;
  /** Runs another script of this tool in this terminal, to its end. @returns its exit code. */
  readonly start: (script: string, args: readonly string[]) => Promise<number>;
  /** The same without a terminal: it goes on when this process has ended. */
  readonly beside: (script: string, args: readonly string[]) => Beside;
  /** Ends at once; only for the third Ctrl-C. */
  readonly exit: (code: number) => never;
}

export function thisProcess(): World {
  // A closed terminal (EPIPE, EIO, SIGHUP) must not stop a run half-way: it goes on into its log. A question ends with the input.
  const ignored = () => undefined;
  for (const stream of [process.stdin, process.stdout, process.stderr]) stream.on('error', ignored);
  calmRawMode(process.stdin, ignored);
  process.on('SIGHUP', ignored);
  // What serves goes first on its own machine; commands that are started inherit it.
  const { PRIORITY_BELOW_NORMAL } = os.constants.priority;
  if (os.getPriority() < PRIORITY_BELOW_NORMAL) os.setPriority(PRIORITY_BELOW_NORMAL);
  return {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    scripts: scriptsFrom(process.cwd()),
    pid: process.pid,
    user: userName(),
    hostname: os.hostname(),
    locks: openToAll('/run/lock') ? '/run/lock' : '/tmp',
    interactive: Boolean(process.stdin.isTTY && process.stdout.isTTY),
    colorTerminal: Boolean(process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb'),
    columns: process.stdout.columns,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    clock,
    every: (milliseconds, tick) => {
      const timer = setInterval(tick, milliseconds).unref();
      return () => clearInterval(timer);
    },
    net,
    spawn,
    kill: killGroup,
    onSignal(handler) {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      return () => {
        process.off('SIGINT', handler);
        process.off('SIGTERM', handler);
      };
    },
    start: startScript,
    beside: startBeside,
    exit: (code) => process.exit(code),
  };
}

/** Every user may make files there, and remove none of the others'. The answer is the same for all of them. */
const openToAll = (dir: string): boolean => ((statSync(dir, { throwIfNoEntry: false })?.mode ?? 0) & 0o1007) === 0o1007;

/**
 * setRawMode on a closed terminal is an error event of stdin, which readline makes one of its own that nobody can catch: the process would
 * die where it should answer "no". So only `heard` hears it.
 */
function calmRawMode(stdin: NodeJS.ReadStream, heard: (error: Error) => void): void {
  const { setRawMode } = stdin;
  if (!stdin.isTTY) return;
  stdin.setRawMode = (mode) => {
    const others = stdin.listeners('error').filter((l) => l !== heard) as ((error: Error) => void)[];
    for (const other of others) stdin.off('error', other);
    setRawMode.call(stdin, mode);
    for (const other of others) stdin.on('error', other);
    return stdin;
  };
}

/** From the tool's own directory as its README has it, from elsewhere with the whole path. */
export function scriptsFrom(cwd: string): string {
  const root = realpathSync(path.join(import.meta.dirname, '../..'));
  if (realpathSync(cwd) === root) return SCRIPTS;
  return `npx --prefix ${asTyped([root])} tsx ${asTyped([`${root}/scripts/`])}`;
}

/** Whether a module is the program that was started, also through a link, and not one that a test imports. */
export function isProgram(module: { readonly filename: string }): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === realpathSync(module.filename);
}

/** Tells tsx which signal it has had, for a second, as npx may pass on another one; until whoever started it ends. */
const ANSWERS = `
  const tsx = require('node:net').connect(process.argv[1]).on('error', () => process.exit());
  const say = (signal) => {
    const said = Buffer.from(JSON.stringify({ type: 'signal', signal }));
    const length = Buffer.alloc(4);
    length.writeInt32BE(said.length);
    tsx.write(Buffer.concat([length, said]));
  };
  let again, over;
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {
    say(signal);
    clearInterval(again);
    clearTimeout(over);
    again = setInterval(say, 10, signal);
    over = setTimeout(clearInterval, 1000, again);
  });
  process.on('SIGHUP', () => undefined);
  process.stdin.on('error', () => process.exit()).on('end', () => process.exit()).resume();
`;

/**
 * `npx tsx` kills (SIGKILL) a program that has not answered Ctrl-C or SIGTERM within twice 30 ms (`relaySignals` of tsx 4.23), before it could
 * undo anything; and a run on a busy machine may not. So a process that does nothing else answers in its stead: what a terminal, systemd or
 * `timeout` sends, it gets as well. Without tsx nothing is started.
 */
export function answerTsx(): void {
  if (!process.execArgv.some((arg) => path.basename(arg) === 'preflight.cjs')) return;
  const pipe = path.join(os.tmpdir(), `tsx-${process.geteuid?.()}`, `${process.ppid}.pipe`);
  const child = spawn(process.execPath, ['-e', ANSWERS, pipe], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('error', () => undefined).unref();
  (child.stdin as Socket).on('error', () => undefined).unref();
}

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    try {
      await delay(milliseconds, undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};

const net: Net = {
  // Not Node's fetch: that refuses some ports of its own accord (6000, 10080, …). No proxy, no redirects, a connection each.
  fetch: (url, { body, anyCertificate, ...init }) =>
    new Promise((resolve, reject) => {
      const ask = url.startsWith('https:') ? httpsRequest : httpRequest;
      // The name that is asked for decides which site answers, and with which certificate; an address is none.
      const name = (init.headers?.host ?? '').replace(/:\d+$/, '');
      const asked = name === '' || isIP(name.replace(/^\[|\]$/g, '')) ? {} : { servername: name };
      const options = { ...init, ...asked, agent: false, rejectUnauthorized: !anyCertificate };
      const request = ask(url, options, (answer) => {
        const headers = Object.entries(answer.headersDistinct).flatMap(([name, all]) =>
          (all ?? []).map((value): [string, string] => [name, value]),
        );
        const status = answer.statusCode ?? 599;
        const empty = status === 204 || status === 304;
        resolve(new Response(empty ? null : (Readable.toWeb(answer) as ReadableStream), { status, headers }));
      });
      request.on('error', reject);
      request.end(body);
    }),
  connect: (address) => tcpConnect(address),
  tryBind: ({ host, port, protocol }) =>
    new Promise((resolve) => {
      const [ipv6Only, failed] = [host.includes(':'), (e: NodeJS.ErrnoException) => resolve(bindProblem(e.code))];
      const free = () => resolve(undefined);
      if (protocol === 'udp') {
        const socket = createSocket({ type: ipv6Only ? 'udp6' : 'udp4', ipv6Only });
        socket.once('error', failed).bind({ address: host, port, exclusive: true }, () => socket.close(free));
      } else {
        const server = createServer().once('error', failed);
        server.listen({ host, port, exclusive: true, ipv6Only }, () => server.close(free));
      }
    }),
  addresses: () => Object.values(os.networkInterfaces()).flatMap((all) => (all ?? []).map((a) => a.address)),
};

function bindProblem(code: string | undefined): BindProblem {
  if (code === 'EADDRINUSE') return 'taken';
  // The last: a machine without IPv6; an address that is none is looked up as a name.
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'ENOTFOUND'].includes(code ?? '') ? 'no-address' : 'unknown';
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal); // every child is the leader of its own group (`detached`)
  } catch {
    // gone already
  }
}

/** As this process was started: Node's options load TypeScript, unless it has been compiled. */
function argvOf(script: string, args: readonly string[]): string[] {
  if (!/^[a-z][a-z-]*$/.test(script)) throw new Error(`not a script's name: ${script}`); // it is read from a file
  const { dir, ext } = path.parse(realpathSync(process.argv[1] ?? ''));
  return [...process.execArgv, path.join(dir, `${script}${ext}`), ...args];
}

/** It has a session of its own, so that neither a Ctrl-C nor the end of a terminal reaches it. */
function startBeside(script: string, args: readonly string[]): Beside {
  const child = spawn(process.execPath, argvOf(script, args), { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk));
  const ended = new Promise<{ exitCode: number; text: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? 137, text }));
  });
  return {
    ended,
    async end() {
      child.kill('SIGTERM');
      await ended;
    },
    leave() {
      // What it shows from now on goes nowhere; its log has it.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    },
  };
}

/** A Ctrl-C reaches both from the terminal; other signals are passed on. */
function startScript(script: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, argvOf(script, args), { stdio: 'inherit' });
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, passOn);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal ? os.constants.signals[signal] : 0)));
  });
}

function userName(): string {
  try {
    return process.env.SUDO_USER ?? os.userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`; // no passwd entry
  }
}
