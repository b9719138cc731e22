import { asTyped, change, KILL_AFTER_MS, type Output } from '../../core/command.ts';
import { CommandError, locksOf, type RunOps } from '../../core/run.ts';

/** A container whose processes stand still. */
export interface Pause {
  /** Lets them go on. Returns once they do, or it could not be done: look at the container. */
  end(): Promise<void>;
}

/** Requests that wait longer than this are better answered with an error. */
const AT_MOST_SECONDS = 30;

/**
 * `docker pause` for as long as somebody holds the other end of stdin: a pipe from us, which the kernel closes however we end. So a
 * paused container outlives neither this process nor {@link AT_MOST_SECONDS}, unless the shell itself is killed (a deadline's second step):
 * whoever undoes, or starts next, looks. What failed to pause is not woken: somebody else may have
 * paused it. Nor must the pause seem to have failed because nobody reads its answer any more: so it answers to the shell.
 */
const HOLD = `trap '' PIPE
trap 'docker unpause "$1" > /dev/null' EXIT
id=$(docker pause "$1") || { trap - EXIT; exit 1; }
echo "$id" || true
read -r -t "$2" _ || true`;

/** @throws {CommandError} when the container could not be paused; whether it is in the end, only looking tells. */
export async function pauseContainer(ops: RunOps, container: string): Promise<Pause> {
  ops.signal.throwIfAborted();
  const command = change(['bash', '-c', HOLD, 'pause', container, String(AT_MOST_SECONDS)], { deadlineMs: 15_000 });
  const shown = asTyped(command.argv);
  const intent = ops.journal.write({ event: 'intent', command: shown });
  const started = ops.clock.monotonic();
  const child = ops.$({
    nothrow: true,
    stdio: ['pipe', 'pipe', 'pipe', ...locksOf(ops)],
  })`${command.argv}`;
  child.stdin.on('error', () => undefined); // EPIPE: the exit tells the story
  const ended: Promise<Output> = child.then(({ exitCode, stderr }) => {
    const output: Output = {
      stdout: '',
      stderr: ops.secrets.redact(stderr),
      exitCode: exitCode ?? 137,
      milliseconds: Math.round(ops.clock.monotonic() - started),
    };
    ops.journal.write({ event: 'result', of: intent, exitCode: output.exitCode, milliseconds: output.milliseconds });
    return output;
  });
  let killTimer: NodeJS.Timeout | undefined;
  const signal = (name: NodeJS.Signals) => {
    if (child.pid !== undefined) ops.kill(child.pid, name);
  };
  /** SIGTERM alone has it ask the engine once more, which may be what does not answer. */
  const stop = (): void => {
    child.stdin.end();
    signal('SIGTERM');
    killTimer ??= setTimeout(() => signal('SIGKILL'), KILL_AFTER_MS);
  };
  const over = ended.finally(() => clearTimeout(killTimer));

  let timer: NodeJS.Timeout | undefined;
  // The engine's answer to `docker pause` is the container's id.
  const paused = new Promise<'paused'>((resolve) => child.stdout.once('data', () => resolve('paused')));
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), command.deadlineMs);
  });
  const first = await Promise.race([paused, over, late]).finally(() => clearTimeout(timer));
  if (first !== 'paused') {
    if (first === 'late') stop();
    throw new CommandError(command, await over, first === 'late' ? 'deadline' : 'command', shown);
  }
  return {
    async end() {
      const due = setTimeout(stop, command.deadlineMs);
      child.stdin.end();
      await over.finally(() => clearTimeout(due));
    },
  };
}
