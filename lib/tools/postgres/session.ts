import { randomUUID } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { uninterruptible } from '../../core/ops.ts';
import { asTyped, type Command, CommandError, KILL_AFTER_MS, type RunOps } from '../../core/run.ts';
import { endSessions, type PgServer, pgExec, psql } from './psql.ts';

/** A psql that stays open, so that a transaction can. */
export interface Session {
  /** Sends SQL or psql commands and gives back the lines they print; one call at a time. */
  send(sql: string, deadlineMs: number): Promise<string[]>;
  /** Aborted, with the error, when psql has ended: what relies on the transaction may stop. */
  readonly lost: AbortSignal;
}

interface Pending {
  readonly token: string;
  readonly lines: string[];
  resolve(lines: string[]): void;
  reject(error: unknown): void;
}

/**
 * Keeps one psql open while `use` runs. It ends with `use`, with the run's abort, and with this process: its stdin is a
 * pipe from us, and psql ends at end of input. A statement in flight does not notice that, so after a failure the session
 * is ended from the server's side too, by its application name.
 *
 * @throws {CommandError} as soon as psql ends early or does not answer in time.
 */
export async function withSession<T>(
  ops: RunOps,
  server: PgServer,
  applicationName: string,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  ops.signal.throwIfAborted();
  const command = pgExec('read', server, psql(server), { input: '', env: { PGAPPNAME: applicationName } });
  const open = openPsql(ops, command);
  try {
    const result = await use(open);
    await open.close();
    return result;
  } catch (error) {
    await open.stop();
    const calm = uninterruptible(ops);
    await endSessions(calm, server, applicationName).catch(() => undefined); // the server may be what failed
    ops.signal.throwIfAborted();
    throw error;
  }
}

function openPsql(ops: RunOps, command: Command) {
  const child = ops.$({
    nothrow: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...ops.env, ...command.env },
  })`${command.argv}`;
  const shown = asTyped(command.argv);
  const started = ops.clock.monotonic();
  let pending: Pending | undefined;
  let failure: unknown;
  const lost = new AbortController();

  const fail = (error: unknown) => {
    failure ??= error;
    lost.abort(failure);
    pending?.reject(failure);
    pending = undefined;
  };
  const signal = (name: NodeJS.Signals) => {
    if (child.pid !== undefined) ops.kill(child.pid, name);
  };
  const failed = (kind: 'command' | 'deadline', deadlineMs: number, stderr = '', exitCode = -1) => {
    const output = { stdout: '', stderr: ops.secrets.redact(stderr), exitCode, milliseconds: since() };
    return new CommandError({ ...command, deadlineMs }, output, kind, shown);
  };
  const since = () => Math.round(ops.clock.monotonic() - started);

  const decoder = new StringDecoder('utf8');
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== pending?.token) pending?.lines.push(line);
      else {
        const done = pending;
        pending = undefined;
        done.resolve(done.lines);
      }
    }
  });
  child.stdin.on('error', () => undefined); // EPIPE: the exit tells the story
  const onAbort = () => {
    signal('SIGTERM');
    fail(ops.signal.reason);
  };
  ops.signal.addEventListener('abort', onAbort, { once: true });
  let over = false;
  const ended = child.then((result) => {
    over = true;
    ops.signal.removeEventListener('abort', onAbort);
    fail(failed('command', command.deadlineMs, result.stderr || result.message, result.exitCode ?? 137));
  });

  return {
    lost: lost.signal,
    send(sql: string, deadlineMs: number): Promise<string[]> {
      if (failure !== undefined) return Promise.reject(failure);
      const token = `whalefall-ops-end-${randomUUID()}`;
      let timer: NodeJS.Timeout;
      return new Promise<string[]>((resolve, reject) => {
        pending = { token, lines: [], resolve, reject };
        timer = setTimeout(() => {
          signal('SIGTERM');
          fail(failed('deadline', deadlineMs));
        }, deadlineMs);
        child.stdin.write(`${sql}\n\\echo ${token}\n`);
      }).finally(() => clearTimeout(timer));
    },
    /** After the last answer: end of input, and psql goes by itself. */
    async close() {
      child.stdin.end();
      const late = setTimeout(() => void this.stop(), KILL_AFTER_MS);
      await ended.finally(() => clearTimeout(late));
    },
    async stop() {
      child.stdin.end();
      if (over) return;
      signal('SIGTERM');
      const kill = setTimeout(() => signal('SIGKILL'), KILL_AFTER_MS);
      await ended.finally(() => clearTimeout(kill));
    },
  };
}
