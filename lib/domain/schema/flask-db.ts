import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { type Command, CommandError, run } from '../../core/run.ts';
import type { Target } from '../../core/target.ts';
import { printable } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';
import { withoutDetails } from '../../tools/postgres/server-errors.ts';

/** The migration's name in pg_stat_activity. */
export const MIGRATION_NAME = 'whalefall-ops migrate';

/** The limit inside the container comes first. */
export const MARGIN_MS = 15_000;
/** How long a statement may wait for a lock, and everybody else behind it. */
const LOCK_TIMEOUT_MS = 10_000;
/** What `timeout` exits with. */
const TIMED_OUT = 124;

// As the entrypoint does it, so that migrations use the database that the application will use; but whatever .env says of a session, its limits
// and its name are ours.
const SCRIPT =
  '_o=$PGOPTIONS _n=$PGAPPNAME; set -a; . "$1/.env"; set +a; export PGOPTIONS="$PGOPTIONS $_o" PGAPPNAME="$_n"; export "$2=false"; cd "$1"; shift 2; exec "$@"';

type Limited = Pick<Command, 'deadlineMs' | 'input' | 'moreInput' | 'heard'>;

interface Words {
  /** What flask's own words follow. */
  readonly program: readonly string[];
  /** After `flask db`. */
  readonly words: readonly string[];
}

/** `flask db …` in a running container of the application's image. */
export function flask(
  target: Target,
  container: string,
  { program, words }: Words,
  { deadlineMs, ...talk }: Limited,
): Command {
  const { root, factory, schedulerVariable } = target.app;
  const argv = ['bash', '-c', SCRIPT, 'flask', root, schedulerVariable, ...program, '--app', factory, 'db', ...words];
  return exec(words[0] === 'heads' ? 'read' : 'change', container, argv, {
    ...talk,
    env: { PGOPTIONS: `-c lock_timeout=${LOCK_TIMEOUT_MS}`, PGAPPNAME: MIGRATION_NAME },
    deadlineMs: deadlineMs + MARGIN_MS,
    interruptible: true, // whoever interrupts it removes the container and ends its session
    shownErrors: withoutDetails,
  });
}

/** The end of `docker exec` would leave the command running inside. */
const within = (target: Target, deadlineMs: number): string[] => [
  ...['timeout', '-k', '5', String(Math.ceil(deadlineMs / 1000))],
  target.app.flask,
];

/**
 * @param ended what it exits with where it was ended inside the container because it took too long.
 * @returns what the command said on both channels, sanitised: Alembic logs to stderr.
 * @throws {CommandError} `deadline` when the command was ended inside the container, else `command`.
 */
export async function flaskDb(
  ops: Ops,
  command: Command,
  words: readonly string[],
  ended = TIMED_OUT,
): Promise<string> {
  const shown = `flask db ${words.join(' ')}`;
  const output = await run(ops, command, [0, ended]).catch((error: unknown) => {
    const failed = error instanceof CommandError && error.kind === 'command';
    throw failed ? new CommandError(command, error.output, 'command', shown) : error; // the journal has the whole of it
  });
  const said = printable(ops.secrets.redact(withoutDetails(`${output.stdout}\n${output.stderr}`)));
  if (output.exitCode === 0) return said;
  const { deadlineMs } = command;
  throw new CommandError(
    { ...command, deadlineMs: deadlineMs - MARGIN_MS },
    { ...output, stderr: said },
    'deadline',
    shown,
  );
}

function shortly(ops: Ops, container: string, words: readonly string[]): Promise<string> {
  const deadlineMs = 60_000;
  const { target } = ops;
  return flaskDb(ops, flask(target, container, { program: within(target, deadlineMs), words }, { deadlineMs }), words);
}

/**
 * Creates the application as Flask's own commands do. What they print is for people: revisions are read by `readRevisions`.
 *
 * @throws {CommandError} with the application's own error.
 */
export async function createsApplication(ops: Ops, container: string): Promise<void> {
  await shortly(ops, container, ['heads']);
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
  await shortly(ops, container, ['stamp', revision]);
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
