import type { ProcessOutput } from 'zx/core';
import { OpsError } from './errors.ts';
import type { Ops } from './ops.ts';
import { printable } from './text.ts';

/** A program call as data. Builders in `docker.ts`, `compose.ts`, … return these; {@link run} executes them. */
export interface Command {
  /** Program and arguments. Visible to every user of the machine (`ps`), so never a secret. */
  readonly argv: readonly string[];
  /** A `change` is written to the journal before and after. */
  readonly effect: 'read' | 'change';
  /** Milliseconds until SIGTERM; SIGKILL follows {@link KILL_AFTER_MS} later. */
  readonly deadlineMs: number;
  /** Added to the child's environment: the way for secrets. */
  readonly env?: Readonly<Record<string, string>>;
  /** The child's stdin, whole. */
  readonly input?: string;
  /**
   * What of its stdin follows {@link input}, once it is known. Only then a change begins, for the journal as well, and the deadline counts. A
   * rejection only ends it.
   */
  readonly moreInput?: Promise<string>;
  /** Told what comes by its stdout, as it comes. */
  readonly heard?: (text: string) => void;
  /** An open file to be the child's stdin, for data that should not pass through this process. */
  readonly stdinFd?: number;
  /** An open file to be the child's stdout, likewise. */
  readonly stdoutFd?: number;
  /** What of its stderr may be shown or written, when that may hold what nobody should see. */
  readonly shownErrors?: (stderr: string) => string;
  /** How stdout is decoded; default utf8. `latin1` gives each byte as one character: for bytes that may be no text. */
  readonly decodeAs?: 'utf8' | 'latin1';
  readonly cwd?: string;
  /**
   * Whether an interruption of the run may end it half-way. Default: reads only. A change is let to its end (or its deadline): the
   * engine goes on with what a killed client had asked for, and nobody would know how far it got.
   */
  readonly interruptible?: boolean;
}

/** From SIGTERM to SIGKILL. docker and git clean up within this. */
export const KILL_AFTER_MS = 5_000;

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly milliseconds: number;
}

export type Extra = Partial<Omit<Command, 'argv' | 'effect'>>;

/** A command that only looks. Default deadline 15 s. */
export function read(argv: readonly string[], extra: Extra = {}): Command {
  return { argv, effect: 'read', deadlineMs: 15_000, ...extra };
}

/** A command that changes something. Default deadline 60 s. */
export function change(argv: readonly string[], extra: Extra = {}): Command {
  return { argv, effect: 'change', deadlineMs: 60_000, ...extra };
}

/** The command as a person would type it, for plans and advice. */
export function asTyped(argv: readonly string[]): string {
  return argv.map((a) => (/^[\w@%+=:,./-]+$/.test(a) ? a : `'${a.replaceAll("'", `'\\''`)}'`)).join(' ');
}

/** What running a command needs; a subset of {@link Ops}, so that the engine can be asked before there is a target. */
export type RunOps = Pick<
  Ops,
  '$' | 'env' | 'clock' | 'journal' | 'screen' | 'secrets' | 'kill' | 'signal' | 'lockFd' | 'hold'
>;

/** An outside program ended with an exit code that its caller did not expect. */
export class CommandError extends OpsError {
  constructor(
    command: Command,
    readonly output: Output,
    kind: 'command' | 'deadline',
    shown: string,
  ) {
    const tail = printable(output.stderr.trim() || output.stdout.trim())
      .split('\n')
      .slice(-12)
      .join('\n');
    super(
      kind === 'deadline'
        ? {
            kind,
            what: {
              en: `${shown}: no end after ${command.deadlineMs / 1000} s, so it was stopped.${tail && `\n${tail}`}`,
              zh: `${shown}: 超过 ${command.deadlineMs / 1000} 秒仍未结束, 已将其终止.${tail && `\n${tail}`}`,
            },
            state:
              command.effect === 'read'
                ? { en: 'It only reads.', zh: '该命令只读, 没有改动.' }
                : {
                    en: 'Whether it took effect is not known from the command alone; the next steps look.',
                    zh: '仅凭命令无法判断是否已生效, 后续步骤会重新检查实际状态.',
                  },
          }
        : {
            kind,
            what: {
              en: `${shown}: exit code ${output.exitCode}${tail && `\n${tail}`}`,
              zh: `${shown}: 退出码 ${output.exitCode}${tail && `\n${tail}`}`,
            },
          },
    );
  }
}

/** For `catch`, where an outside program's failure is an answer: any other error goes on. */
export const ifFails =
  <T>(answer: (error: CommandError) => T) =>
  (error: unknown): T => {
    if (error instanceof CommandError) return answer(error);
    throw error;
  };

/** From fork to exec takes milliseconds, on a busy machine some more. */
const BEFORE_EXEC_MS = 1_000;

/** setTimeout's: 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Runs a command to its end. stdout is decoded as a whole (zx decodes chunk by chunk, which damages long non-ASCII
 * output) and kept in memory unless the command has a `stdoutFd`.
 *
 * @param expect exit codes that are answers rather than errors; default only 0.
 * @throws {CommandError} any other exit code, a program that cannot be started (exit code 127), or the deadline.
 */
export async function run(ops: RunOps, command: Command, expect: readonly number[] = [0]): Promise<Output> {
  ops.signal.throwIfAborted();
  // Node's timers take what is none, or too long, for one millisecond.
  if (!(command.deadlineMs > 0 && command.deadlineMs <= LONGEST_MS)) {
    throw new Error(`${command.argv[0]}: ${command.deadlineMs} ms is no deadline`);
  }
  const shown = () => asTyped(command.argv.map((word) => ops.secrets.redact(word)));
  let started = ops.clock.monotonic();
  let intent: number | undefined;
  let unwritten: { readonly error: unknown } | undefined;
  const begin = () => {
    started = ops.clock.monotonic();
    try {
      if (command.effect === 'change') intent ??= ops.journal.write({ event: 'intent', command: shown() });
    } catch (error) {
      unwritten = { error };
      throw error;
    }
  };
  if (!command.moreInput) begin();

  let tried = await attempt(ops, command, begin);
  // A terminal that is closed between fork and setsid takes the child with it before it is a program, and has done anything.
  const atOnce = ops.clock.monotonic() - started < BEFORE_EXEC_MS;
  if (tried.result.signal === 'SIGHUP' && atOnce && !ops.signal.aborted) tried = await attempt(ops, command, begin);
  const { result, store, isDue } = tried;

  const output: Output = {
    stdout: text(store.stdout, command.decodeAs),
    stderr: text(store.stderr) || (result.cause instanceof Error ? result.cause.message : ''),
    // -2 is zx's code for a spawn that failed under nothrow; null for a signal.
    exitCode: result.exitCode === null ? 128 + 9 : result.exitCode < 0 ? 127 : result.exitCode,
    milliseconds: Math.round(ops.clock.monotonic() - started),
  };
  if (intent !== undefined) {
    ops.journal.write({ event: 'result', of: intent, exitCode: output.exitCode, milliseconds: output.milliseconds });
  }
  ops.signal.throwIfAborted();
  if (unwritten) throw unwritten.error;
  const said = command.shownErrors?.(output.stderr) ?? output.stderr;
  const clean = { ...output, stderr: ops.secrets.redact(said) };
  if (isDue) throw new CommandError(command, { ...clean, stdout: '' }, 'deadline', shown());
  if (!expect.includes(output.exitCode)) {
    throw new CommandError(command, { ...clean, stdout: ops.secrets.redact(output.stdout) }, 'command', shown());
  }
  return output;
}

/** What every command that changes something inherits, so that it is locked as long as one of them runs. */
export const locksOf = ({ lockFd, hold }: Pick<Ops, 'lockFd' | 'hold'>): number[] =>
  [lockFd, hold?.fd].filter((fd) => fd !== undefined);

/** @param begin called before the rest of its input is given. */
async function attempt(ops: RunOps, command: Command, begin: () => void) {
  const store: Record<'stdout' | 'stderr' | 'stdall', Buffer[]> = { stdout: [], stderr: [], stdall: [] };
  const child = withoutStack(
    () =>
      ops.$({
        store,
        nothrow: true,
        stdio: [
          command.input !== undefined || command.moreInput ? 'pipe' : (command.stdinFd ?? 'ignore'),
          command.stdoutFd ?? 'pipe',
          'pipe',
          ...(command.effect === 'change' ? locksOf(ops) : []),
        ],
        // zx counts '' as no input and would leave the pipe open.
        ...(command.input && !command.moreInput ? { input: command.input } : {}),
        ...(command.env ? { env: { ...ops.env, ...command.env } } : {}),
        ...(command.cwd ? { cwd: command.cwd } : {}),
      })`${command.argv}`,
  );
  child.stdin?.on('error', () => undefined); // EPIPE: the exit code tells the story
  let isOver = false;
  if (command.moreInput) {
    child.stdin?.write(command.input ?? '');
    const go = (rest: string) => {
      if (isOver) return;
      begin(); // what can't be written down is not begun
      child.stdin?.end(rest);
    };
    command.moreInput.then(go).catch(() => child.stdin?.end());
  } else if (command.input === '') child.stdin?.end();
  const { heard } = command;
  if (heard) child.stdout?.on('data', (chunk: Buffer | string) => heard(chunk.toString()));

  const ending = stopWhenDue(ops, child.pid, command);
  try {
    // Every promise derived from zx's gets all of its properties anew, and `await` derives three; so only one.
    const result = await new Promise<ProcessOutput>((resolve, reject) => child.then(resolve, reject));
    return { result, store, isDue: ending.due() };
  } finally {
    isOver = true;
    ending.clear();
  }
}

/** zx looks for the line that a command comes from, by way of a stack and its source map; here it is always the same one. */
function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The last lines of stdout without the final newline: most tools answer with one line. */
export async function ask(ops: RunOps, command: Command, expect?: readonly number[]): Promise<string> {
  return (await run(ops, command, expect)).stdout.replace(/\n$/, '');
}

const asked = new WeakMap<Ops['$'], Map<string, Promise<unknown>>>();

/**
 * What can't change while a run lasts is asked once in it; a question that failed may be asked again.
 *
 * @param question in words of its own, with whatever the answer depends on.
 */
export function onceInRun<T>({ $ }: Pick<Ops, '$'>, question: string, answer: () => Promise<T>): Promise<T> {
  const answers = asked.get($) ?? new Map<string, Promise<unknown>>();
  asked.set($, answers);
  const before = answers.get(question);
  if (before !== undefined) return before as Promise<T>; // a question has one kind of answer
  const now = answer();
  answers.set(question, now);
  now.catch(() => answers.delete(question));
  return now;
}

function text(chunks: readonly (Buffer | string)[], encoding: 'utf8' | 'latin1' = 'utf8'): string {
  // zx appends the final end of line as a string or Buffer of its own.
  return Buffer.concat(chunks.map((c) => (typeof c === 'string' ? Buffer.from(c) : c))).toString(encoding);
}

/** SIGTERM at the deadline or on abort, SIGKILL {@link KILL_AFTER_MS} later; to the whole group, bash's children too. */
function stopWhenDue(ops: RunOps, pid: number | undefined, command: Command) {
  const { deadlineMs, moreInput, interruptible = command.effect === 'read' } = command;
  let due = false;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    if (pid === undefined) return;
    ops.kill(pid, 'SIGTERM');
    killTimer ??= setTimeout(() => ops.kill(pid, 'SIGKILL'), KILL_AFTER_MS);
  };
  const count = () => {
    if (isOver) return;
    timer = setTimeout(() => {
      due = true;
      stop();
    }, deadlineMs);
  };
  if (moreInput) moreInput.then(count, count);
  else count();
  if (interruptible) ops.signal.addEventListener('abort', stop, { once: true });
  return {
    due: () => due,
    clear: () => {
      isOver = true;
      clearTimeout(timer);
      clearTimeout(killTimer);
      ops.signal.removeEventListener('abort', stop);
    },
  };
}
