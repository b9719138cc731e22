import type { ChildProcess, SpawnOptions, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';

/** A call as the operating system would see it: zx's quoting undone by the same rules as bash's. */
export interface Call {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: string;
  readonly pid: number;
}

export interface Reply {
  /** An array is written chunk by chunk. */
  readonly stdout?: string | readonly Buffer[];
  readonly stderr?: string;
  readonly exitCode?: number;
  /** Never ends by itself; ends with 143 or 137 when killed. */
  readonly hangs?: boolean;
  /** Ended by this signal, from whoever. */
  readonly endedBy?: NodeJS.Signals;
  /** A child that ignores SIGTERM. */
  readonly trapsTerm?: boolean;
  /**
   * Answers line by line until its stdin is closed; only for what is attached, which is answered before its input is read. No answer: it is
   * killed. A reply: that is how it ends.
   */
  readonly talk?: {
    readonly answer: (line: string) => string | undefined | Reply | Promise<Reply>;
    readonly end: () => void;
  };
}

/** Answers a call, or `undefined` when it was not expected. */
export type Responder = (call: Call) => Reply | undefined | Promise<Reply | undefined>;

let violations: string[] = [];

/** What went wrong behind the code's back since the last call. */
export function takeViolations(): string[] {
  const taken = violations;
  violations = [];
  return taken;
}

export interface ScriptedSpawn {
  readonly spawn: typeof spawn;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  /** All calls so far, in order of start. */
  readonly calls: Call[];
  /** Signals sent, in order. */
  readonly signals: { pid: number; signal: string }[];
}

/**
 * A `spawn` for real zx: children are answered by `respond`. File descriptors given as stdout are really written to.
 * A call without an answer exits 127 and fails the test afterwards.
 */
export function scriptedSpawn(respond: Responder): ScriptedSpawn {
  const calls: Call[] = [];
  const signals: { pid: number; signal: string }[] = [];
  const running = new Map<number, (signal: string) => void>();
  let lastPid = 1_000_000;

  const fake = (line: string, _args: readonly string[], options: SpawnOptions): ChildProcess => {
    const pid = ++lastPid;
    const [stdin, stdout] = options.stdio as [unknown, unknown, unknown];
    const child = Object.assign(new EventEmitter(), {
      pid,
      stdin: stdin === 'pipe' ? new PassThrough() : null,
      stdout: stdout === 'pipe' ? new PassThrough() : null,
      stderr: new PassThrough(),
    });
    const argv = words(line);
    const end = (code: number | null, signal: string | null) => {
      running.delete(pid);
      child.stdout?.end();
      child.stderr.end();
      setImmediate(() => {
        child.emit('exit', code, signal);
        child.emit('close', code, signal);
      });
    };
    const answer = async () => {
      const attached = argv.some((word) => word.includes('sys.stdin.readline'));
      const input = child.stdin && !attached ? await all(child.stdin) : '';
      const call: Call = { argv, env: options.env as Record<string, string>, input, pid };
      calls.push(call);
      const reply = await respond(call);
      if (reply === undefined) {
        violations.push(`unexpected command: ${argv.join(' ')}`);
        child.stderr.write('unexpected command');
        return end(127, null);
      }
      await perform(reply);
    };
    const perform = async (reply: Reply): Promise<void> => {
      if (reply.stdout !== undefined) {
        for (const chunk of [reply.stdout].flat()) {
          if (typeof stdout === 'number') writeSync(stdout, chunk as string);
          else child.stdout?.write(chunk);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      if (reply.stderr) child.stderr.write(reply.stderr);
      if (reply.talk && child.stdin) {
        for await (const line of createInterface(child.stdin)) {
          const said = await reply.talk.answer(line);
          if (typeof said === 'object') return perform(said);
          if (said === undefined) return end(137, null);
          child.stdout?.write(`${said}\n`);
        }
        reply.talk.end();
      }
      if (reply.endedBy) return end(null, reply.endedBy);
      if (!reply.hangs) return end(reply.exitCode ?? 0, null);
      running.set(pid, (signal) => {
        if (signal === 'SIGKILL') end(null, 'SIGKILL');
        else if (!reply.trapsTerm) end(143, null);
      });
    };
    answer().catch((error: unknown) => {
      violations.push(`the script of answers failed: ${String(error)}`);
      end(127, null);
    });
    return child as unknown as ChildProcess;
  };

  return {
    spawn: fake as unknown as typeof spawn,
    kill: (pid, signal) => {
      signals.push({ pid, signal });
      running.get(pid)?.(signal);
    },
    calls,
    signals,
  };
}

async function all(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Splits what zx hands to bash: plain words and `$'…'`. Anything else is a quoting bug in the code under test. */
export function words(line: string): string[] {
  const body = line.replace(/^set -euo pipefail;/, '');
  const result: string[] = [];
  const word = /\s*(?:\$'((?:[^'\\]|\\.)*)'|([\w/.\-@:=]+))(?=\s|$)/gy;
  let at = 0;
  for (let m = word.exec(body); m; m = word.exec(body)) {
    result.push(m[1] !== undefined ? unescaped(m[1]) : (m[2] as string));
    at = word.lastIndex;
  }
  if (body.slice(at).trim() !== '') throw new Error(`not one simple command: ${body}`);
  return result;
}

function unescaped(text: string): string {
  const plain: Record<string, string> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', '0': '\0' };
  return text.replace(/\\(.)/gs, (_, c: string) => plain[c] ?? c);
}
