import type { ChildProcess, SpawnOptions, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync, writeSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { words } from '../../support/scripted-spawn.ts';
import type { VirtualClock } from './clock.ts';
import { type Faults, KILLED } from './faults.ts';

/** A call as the operating system would see it. */
export interface Call {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What came by stdin, from a pipe or a file. */
  readonly input: Buffer;
  /** The inherited lock file, or the one that `flock` is to lock. */
  readonly extraFd: number | undefined;
}

export interface Reply {
  readonly stdout?: string | Buffer;
  readonly stderr?: string;
  readonly exitCode?: number;
  /** It had its effect and goes on: how it ends. */
  readonly later?: Promise<Reply>;
}

/** A program that answers line by line while its stdin is open: an interactive psql. */
export interface Conversation {
  /** Lines; or how it ends with that. */
  readonly answer: (sql: string) => readonly string[] | Reply | undefined;
  readonly end: () => void;
  /** A line is answered by a line; else what goes up to a token, which is repeated behind the answer. */
  readonly byLine?: true;
  /** How it ends when its stdin is closed; default 0. */
  readonly closed?: number;
  /** Told how to end it from within. */
  readonly onEnd?: (end: () => void) => void;
}

/** The rest of the machine, as the operating system calls it. */
export interface Programs {
  /** A change of the model happens when this is called; throwing means that the command is not modelled. */
  run(call: Call): Reply;
  /** How long a call takes before it has an effect. */
  latency(call: Call): number;
  /** Opens a conversation if the call is one. */
  converse(call: Call): Conversation | Reply | undefined;
  missing(program: string): boolean;
  /** The application's container dies during this call; its end, if the call was at work in there. */
  appDies(call: Call): Reply | undefined;
}

export interface Processes {
  readonly spawn: typeof spawn;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  readonly calls: Call[];
  /** Those that hold the run's lock, because they change something, and have not ended. */
  readonly left: () => readonly Call[];
  /** Whoever started these is no more: pipes from there are closed, and nothing is started any more. */
  readonly orphan: () => void;
}

/** Longer than a container takes to start again. */
const SLOW_MS = 3_000;

/** The engine takes so long to tell a client that its container has ended. */
const TOLD_MS = 2_000;

/** Whatever takes longer is not waited for by anybody. */
const LONGEST_MS = 4 * 3_600_000;

const DAEMON_GONE =
  'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n';

/** A `spawn` for real zx: real quoting, real file descriptors, and children that are calls of the model. */
export function processes(programs: Programs, clock: VirtualClock, faults: Faults, unexpected: (what: string) => void) {
  const calls: Call[] = [];
  const running = new Map<number, (signal: NodeJS.Signals) => void>();
  const open = new Map<number, Call>();
  /** What happens when a pipe from the script is closed. */
  const pipes = new Map<number, () => void>();
  let orphaned = false;
  let lastPid = 1_000_000;

  const fake = (line: string, _args: readonly string[], options: SpawnOptions): ChildProcess => {
    const pid = ++lastPid;
    const [stdin, stdout, , extra] = options.stdio as unknown[];
    const child = Object.assign(new EventEmitter(), {
      pid,
      stdin: stdin === 'pipe' ? new PassThrough() : null,
      stdout: stdout === 'pipe' ? new PassThrough() : null,
      stderr: new PassThrough(),
    });
    const call = {
      argv: words(line),
      env: options.env as Call['env'],
      input: typeof stdin === 'number' ? readFileSync(stdin) : Buffer.alloc(0),
      extraFd: typeof extra === 'number' ? extra : undefined,
    };
    open.set(pid, call);
    let over = false;
    let hung: AbortController | undefined;
    const end = (code: number, stderr = '') => {
      if (over) return;
      over = true;
      hung?.abort();
      if (hung) faults.rest();
      running.delete(pid);
      open.delete(pid);
      pipes.delete(pid);
      if (orphaned) return; // there is nobody to be told
      if (stderr) child.stderr.write(stderr);
      child.stdout?.end();
      child.stderr.end();
      setImmediate(() => {
        child.emit('exit', code, null);
        child.emit('close', code, null);
      });
    };
    running.set(pid, () => end(143));
    const print = (text: string | Buffer) => {
      for (let at = 0; typeof stdout === 'number' && at < text.length; )
        at += writeSync(stdout, Buffer.from(text).subarray(at));
      if (typeof stdout !== 'number') child.stdout?.write(text);
    };
    const fail = (error: unknown) => {
      unexpected(String(error instanceof Error ? (error.stack ?? error.message) : error));
      end(127, 'not modelled\n');
    };
    /** Never answers. @param stubborn also not to SIGTERM. */
    const hang = (stubborn: boolean, stop: (code: number) => void = end) => {
      hung = new AbortController();
      running.set(pid, (signal) => {
        if (signal === 'SIGKILL') stop(KILLED);
        else if (!stubborn) stop(128 + 15);
      });
      faults.hang();
      const never = () => fail(`nothing ended ${call.argv.join(' ')}`);
      clock.sleep(LONGEST_MS, hung.signal).then(never, () => undefined);
    };
    const act = (whole: Call, does: () => Reply) => {
      const fault = over || orphaned ? undefined : faults.at(whole);
      if (fault === 'interrupt') faults.interrupt();
      if (over) return; // killed before it had an effect
      if (orphaned && whole.argv[0] === 'flock') return; // what it locks is nobody's as soon as it ends
      if (fault === 'fails') return end(1, whole.argv[0] === 'docker' ? DAEMON_GONE : 'failed\n');
      if (fault === 'dies') return end(KILLED);
      if (fault === 'hangs') return hang(false);
      if (fault === 'killed') return faults.kill();
      const killed = fault?.startsWith('container') ? programs.appDies(whole) : undefined;
      const reply =
        fault === 'container-died' ? { later: clock.sleep(SLOW_MS).then(() => killed ?? does()) } : (killed ?? does());
      const finish = (last: Reply) => {
        if (fault === 'killed-after') return faults.kill();
        if (fault === 'interrupted-after') faults.interrupt();
        if (over) return;
        if (fault === 'dies-after') return end(KILLED);
        if (fault === 'hangs-after') return hang(true);
        if (last.stdout !== undefined) print(last.stdout);
        end(last.exitCode ?? 0, last.stderr);
      };
      if (reply.later) reply.later.then(finish).catch(fail);
      else finish(reply);
    };

    const start = async () => {
      const program = call.argv[0] ?? '';
      if (programs.missing(program)) return end(127, `/bin/bash: line 1: ${program}: command not found\n`);
      const talk = programs.converse(call);
      if (talk !== undefined) {
        calls.push(call);
        if (!('answer' in talk)) return act(call, () => talk);
        return converse(talk);
      }
      const whole = child.stdin ? { ...call, input: await all(child.stdin) } : call;
      calls.push(whole);
      await clock.sleep(programs.latency(whole));
      act(whole, () => programs.run(whole));
    };
    const converse = (talk: Conversation) => {
      let buffer = '';
      /** A line is being answered: whoever has said it may have closed the pipe behind it. */
      let busy = false;
      let closed = false;
      const finish = (code: number, stderr?: string) => {
        talk.end();
        end(code, stderr);
      };
      running.set(pid, () => finish(143));
      pipes.set(pid, () => finish(0));
      // What it printed has come to its end; that its container is no more, the client learns from the engine.
      talk.onEnd?.(() => {
        child.stdout?.end();
        void clock.sleep(TOLD_MS).then(() => end(137));
      });
      child.stdin?.on('end', () => {
        closed = true;
        if (!busy) finish(talk.closed ?? 0);
      });
      child.stdin?.on('data', (chunk: Buffer) => {
        buffer += chunk.toString();
        const complete = (talk.byLine ? /^(.*)\n/ : /^([\s\S]*?)\n\\echo (\S+)\n/).exec(buffer);
        if (!complete) return;
        buffer = buffer.slice(complete[0].length);
        busy = true;
        const [, sql = '', token] = complete;
        const said = { ...call, input: Buffer.from(sql) };
        clock
          .sleep(programs.latency(said))
          .then(() => {
            const fault = over || orphaned ? undefined : faults.at(said);
            if (fault === 'interrupt' || fault === 'interrupted-after') faults.interrupt();
            if (over) return;
            if (fault === 'killed') return faults.kill();
            if (fault === 'hangs') return hang(false, finish);
            const killed = fault?.startsWith('container') ? programs.appDies(said) : undefined;
            const lines = fault === 'fails' || fault === 'dies' ? undefined : (killed ?? talk.answer(sql));
            if (fault === 'killed-after') return faults.kill();
            if (fault === 'dies-after') return finish(KILLED);
            if (fault === 'hangs-after') return hang(true, finish);
            if (lines === undefined) return finish(2, 'server closed the connection unexpectedly\n');
            if (!Array.isArray(lines)) {
              const { stdout = '', exitCode = 0, stderr } = lines as Reply;
              print(stdout);
              return finish(exitCode, stderr);
            }
            child.stdout?.write([...lines, ...(token === undefined ? [] : [token]), ''].join('\n'));
            busy = false;
            if (closed) finish(talk.closed ?? 0);
          })
          .catch(fail);
      });
    };
    if (!orphaned) start().catch(fail);
    return child as unknown as ChildProcess;
  };

  const kill = (pid: number, signal: NodeJS.Signals) => {
    if (!orphaned) running.get(pid)?.(signal);
  };
  const orphan = () => {
    orphaned = true;
    for (const close of [...pipes.values()]) close();
  };
  const left = () => [...open.values()].filter((c) => c.extraFd !== undefined);
  return { spawn: fake as unknown as typeof spawn, kill, calls, left, orphan } satisfies Processes;
}

async function all(stream: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
