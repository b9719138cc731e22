import { lenient } from '../../core/journal.ts';
import { asTyped, CommandError, change, locksOf, type Output, type RunOps } from '../../core/run.ts';

/** A program in a container that goes on for as long as somebody holds the other end of its stdin, and talks with whoever does: a line for a line. */
export interface Attached {
  /** @throws {CommandError} when it has ended, or does not answer in time. */
  ask(line: string, deadlineMs?: number): Promise<string>;
  /** Lets go of its stdin, and waits until it has ended; its client is killed when it does not in time. Never rejects. */
  close(): Promise<void>;
  /** Settles when nothing more comes from it: the program, or the client that is attached to it, has ended. The engine takes longer to say so. */
  readonly silent: Promise<void>;
}

const ANSWER_MS = 15_000;

/** What has not ended yet. */
const attachedIn = new WeakMap<RunOps['$'], Set<Attached>>();

/** Before a run writes down how it ended: nothing of its own goes on behind it. What has been killed takes the engine a while to say. */
export async function closeAttached({ $ }: Pick<RunOps, '$'>): Promise<void> {
  await Promise.all([...(attachedIn.get($) ?? [])].map((attached) => attached.close()));
}

/**
 * A container of its own (`docker run -i --rm`), attached. The run's lock is not inherited: one that goes on for a while after its run was
 * killed must not keep the next run out.
 *
 * @param words what follows `docker run`.
 * @param begin the first line that it is told; it answers when it is ready.
 * @throws {CommandError} when it does not start.
 */
export function runAttached(ops: RunOps, words: readonly string[], begin: string): Promise<Attached> {
  // A signal is for the client: the container hears that its stdin is closed.
  return attach(ops, ['docker', 'run', '-i', '--rm', '--sig-proxy=false', ...words], begin, []);
}

/**
 * A program in a container that runs (`docker exec -i`), attached. The run's lock is inherited: whoever comes next waits until what it does is
 * over.
 *
 * @param words what follows `docker exec`; `begin` as for {@link runAttached}.
 * @throws {CommandError} when it does not start.
 */
export function execAttached(ops: RunOps, words: readonly string[], begin: string): Promise<Attached> {
  return attach(ops, ['docker', 'exec', '-i', ...words], begin, locksOf(ops));
}

async function attach(
  ops: RunOps,
  argv: readonly string[],
  begin: string,
  inherited: ReturnType<typeof locksOf>,
): Promise<Attached> {
  ops.signal.throwIfAborted();
  const command = change(argv, { deadlineMs: ANSWER_MS });
  const shown = asTyped(command.argv);
  const intent = ops.journal.write({ event: 'intent', command: shown });
  const started = ops.clock.monotonic();
  const child = ops.$({ nothrow: true, stdio: ['pipe', 'pipe', 'pipe', ...inherited] })`${command.argv}`;
  child.stdin.on('error', () => undefined); // EPIPE: the exit tells the story
  let isOver = false;
  const ended: Promise<Output> = child.then(({ exitCode, stderr }) => {
    isOver = true;
    const output: Output = {
      stdout: '',
      stderr: ops.secrets.redact(stderr),
      exitCode: exitCode ?? 137,
      milliseconds: Math.round(ops.clock.monotonic() - started),
    };
    const { exitCode: code, milliseconds } = output;
    // That it has ended is true also where a full disk does not take it.
    lenient(ops.journal, ops.screen).write({ event: 'result', of: intent, exitCode: code, milliseconds });
    return output;
  });
  const silent = new Promise<void>((resolve) => child.stdout.once('close', resolve));
  const answers = linesOf(child.stdout);
  let turn: Promise<unknown> = Promise.resolve();
  const askNow = async (line: string, deadlineMs: number): Promise<string> => {
    if (isOver) throw new CommandError(command, await ended, 'command', shown);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), deadlineMs);
    });
    child.stdin.write(`${line}\n`);
    const answer = answers().then((said) => ({ said }));
    const first = await Promise.race([answer, ended, late]).finally(() => clearTimeout(timer));
    if (typeof first === 'object' && 'said' in first) return first.said;
    if (first === 'late') kill();
    throw new CommandError(command, await ended, first === 'late' ? 'deadline' : 'command', shown);
  };
  const kill = () => {
    if (child.pid !== undefined) ops.kill(child.pid, 'SIGKILL');
  };
  const attached: Attached = {
    async close() {
      child.stdin.end();
      const due = setTimeout(kill, ANSWER_MS);
      await ended.finally(() => clearTimeout(due));
    },
    ask(line, deadlineMs = ANSWER_MS) {
      const answer = turn.then(() => askNow(line, deadlineMs));
      turn = answer.catch(() => undefined);
      return answer;
    },
    silent,
  };
  const those = attachedIn.get(ops.$) ?? new Set();
  attachedIn.set(ops.$, those.add(attached));
  void ended.then(() => those.delete(attached));
  await attached.ask(begin);
  return attached;
}

/** The next line, each time. */
function linesOf(stream: NodeJS.ReadableStream): () => Promise<string> {
  let rest = '';
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  stream.on('data', (chunk: Buffer | string) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const next = waiting.shift();
      if (next) next(line);
      else lines.push(line);
    }
  });
  return () => {
    const line = lines.shift();
    return line === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(line);
  };
}
