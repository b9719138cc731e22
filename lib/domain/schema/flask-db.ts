import type { Command } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { CommandError, run } from '../../core/run.ts';
import type { Target } from '../../core/target.ts';
import { printable } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';
import { withoutDetails } from '../../tools/postgres/server-errors.ts';

/** The migration's name in pg_stat_activity. */
export const MIGRATION_NAME = 'whalefall-ops migrate';

export interface FlaskOptions {
  /** How long a statement may wait for a lock, and everybody else behind it. */
  readonly lockTimeoutMs?: number;
  readonly deadlineMs?: number;
}

/** The application takes seconds to start; a migration may rewrite tables. */
const DEADLINE_MS = 600_000;
const LOCK_TIMEOUT_MS = 10_000;
/** What `timeout` exits with. */
const TIMED_OUT = 124;

// As the entrypoint does it, so that migrations use the database that the application will use. `timeout`, because the
// end of `docker exec` would leave the command running inside.
const SCRIPT = 'set -a; . "$1/.env"; set +a; export ENABLE_SCHEDULER=false; cd "$1"; shift; exec timeout -k 5 "$@"';

/** `flask db …` in a running container of the application's image. */
function flask(target: Target, container: string, args: readonly string[], options: FlaskOptions = {}): Command {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, deadlineMs = DEADLINE_MS } = options;
  const { root, flask: program, factory } = target.app;
  const seconds = String(Math.ceil(deadlineMs / 1000));
  return exec(
    ['stamp', 'upgrade'].includes(args[0] ?? '') ? 'change' : 'read',
    container,
    ['bash', '-c', SCRIPT, 'flask', root, seconds, program, '--app', factory, 'db', ...args],
    {
      env: { PGOPTIONS: `-c lock_timeout=${lockTimeoutMs}`, PGAPPNAME: MIGRATION_NAME },
      deadlineMs: deadlineMs + 15_000,
      interruptible: true, // whoever interrupts it removes the container and ends its session
      shownErrors: withoutDetails,
    },
  );
}

/**
 * @returns what the command said on both channels, sanitised: Alembic logs to stderr.
 * @throws {CommandError} `deadline` when the command was ended inside the container, else `command`.
 */
async function flaskDb(ops: Ops, container: string, args: readonly string[], options?: FlaskOptions): Promise<string> {
  const command = flask(ops.target, container, args, options);
  const shown = `flask db ${args.join(' ')}`;
  const output = await run(ops, command, [0, TIMED_OUT]).catch((error: unknown) => {
    const failed = error instanceof CommandError && error.kind === 'command';
    throw failed ? new CommandError(command, error.output, 'command', shown) : error; // the journal has the whole of it
  });
  const said = printable(ops.secrets.redact(withoutDetails(`${output.stdout}\n${output.stderr}`)));
  if (output.exitCode === 0) return said;
  throw new CommandError(
    { ...command, deadlineMs: command.deadlineMs - 15_000 },
    { ...output, stderr: said },
    'deadline',
    shown,
  );
}

/**
 * Creates the application as Flask's own commands do. What they print is for people: revisions are read by `readRevisions`.
 *
 * @throws {CommandError} with the application's own error.
 */
export async function createsApplication(ops: Ops, container: string): Promise<void> {
  await flaskDb(ops, container, ['heads'], { deadlineMs: 60_000 });
}

/** @throws {OpsError} `precondition` when the chain of migrations has no end or several. */
export function oneHead(found: readonly string[]): string {
  const [head] = found;
  if (head !== undefined && found.length === 1) return head;
  throw unmet(
    {
      en: `The image's migrations have ${found.length} newest revisions (${found.join(', ')}) where there must be one.`,
      zh: `镜像中的迁移链有 ${found.length} 个最新 revision (${found.join(', ')}), 应当只有一个.`,
    },
    {
      en: 'Merge them in the source (flask db merge), and build again.',
      zh: '请在源码中合并 (flask db merge) 后重新构建.',
    },
  );
}

/** Notes a revision in the database without running anything. */
export async function stamp(ops: Ops, container: string, revision: string): Promise<void> {
  await flaskDb(ops, container, ['stamp', revision], { deadlineMs: 60_000 });
}

/** Runs what is missing, in one transaction. Only `migrate` also looks at the result. */
export async function upgrade(ops: Ops, container: string, options?: FlaskOptions): Promise<string> {
  return flaskDb(ops, container, ['upgrade'], options);
}

/** By the driver's class name: the server's own text is in the server's language. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof CommandError && /LockNotAvailable|\b55P03\b|due to lock timeout/.test(whole(error));
}

export function isUnknownRevision(error: unknown): boolean {
  return error instanceof CommandError && /Can't locate revision identified by/.test(whole(error));
}

function whole(error: CommandError): string {
  return `${error.output.stdout}\n${error.output.stderr}`;
}
