import { readFileSync } from 'node:fs';
import type { Command } from '../../core/command.ts';
import { firstAbort } from '../../core/concurrency.ts';
import { OpsError } from '../../core/errors.ts';
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

/** A migration may rewrite tables. */
const DEADLINE_MS = 600_000;
/** The limit inside the container comes first. */
const MARGIN_MS = 15_000;
const LOCK_TIMEOUT_MS = 10_000;
/** What `timeout` exits with. */
const TIMED_OUT = 124;

/** Of what SIGALRM ends. */
const ALARM = 128 + 14;

// As the entrypoint does it, so that migrations use the database that the application will use.
const SCRIPT = 'set -a; . "$1/.env"; set +a; export ENABLE_SCHEDULER=false; cd "$1"; shift; exec "$@"';

/** How the program comes in: as the first line, so that stdin is left for its order. */
const BEGIN = 'import json, sys; exec(json.loads(sys.stdin.readline()))';
/** What it says when it has loaded the application. */
const LOADED = 'whalefall-ops: loaded';

type Talk = Pick<Command, 'input' | 'moreInput' | 'heard'>;

interface Words {
  /** What flask's own words follow. */
  readonly program: readonly string[];
  /** After `flask db`. */
  readonly words: readonly string[];
}

/** `flask db …` in a running container of the application's image. */
function flask(
  target: Target,
  container: string,
  { program, words }: Words,
  { lockTimeoutMs = LOCK_TIMEOUT_MS, deadlineMs, ...talk }: FlaskOptions & Talk & { readonly deadlineMs: number },
): Command {
  const { root, factory } = target.app;
  const argv = [...program, '--app', factory, 'db', ...words];
  return exec(words[0] === 'heads' ? 'read' : 'change', container, ['bash', '-c', SCRIPT, 'flask', root, ...argv], {
    ...talk,
    env: { PGOPTIONS: `-c lock_timeout=${lockTimeoutMs}`, PGAPPNAME: MIGRATION_NAME },
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
async function flaskDb(ops: Ops, command: Command, words: readonly string[], ended = TIMED_OUT): Promise<string> {
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

/** A migration whose application is loaded ahead of its turn. */
export interface Upgrade {
  /**
   * Waits until the application is loaded. Where it was, and has died since, it is loaded once more.
   *
   * @throws {OpsError} when it can't be loaded: nothing was migrated then.
   */
  loaded(): Promise<void>;
  /** Runs what is missing, in one transaction. Only `migrate` also looks at the result. */
  go(): Promise<string>;
  /** Gives it up, unless it has ended. Never throws. */
  stop(): Promise<void>;
}

/** Has the application loaded, which takes seconds. Nothing is changed before the word, nor without it. */
export function loadUpgrade(ops: Ops, container: string, options: FlaskOptions = {}): Upgrade {
  let now = load(ops, container, options);
  return {
    async loaded() {
      if (now.isOver()) now = load(ops, container, options);
      await now.loaded;
    },
    async go() {
      await now.loaded;
      return now.go();
    },
    stop: () => now.stop(),
  };
}

function load(
  ops: Ops,
  container: string,
  { lockTimeoutMs = LOCK_TIMEOUT_MS, deadlineMs = DEADLINE_MS }: FlaskOptions,
) {
  const { target } = ops;
  const stopping = new AbortController();
  const signal = firstAbort(ops.signal, stopping.signal);
  const talk = { input: `${JSON.stringify(readFileSync(PROGRAM, 'utf8'))}\n`, ...conversation() };
  const seconds = [target.bootSeconds, Math.ceil(deadlineMs / 1000)].map(String);
  const program = [target.app.python, '-c', BEGIN, LOADED, ...seconds];
  const command = flask(target, container, { program, words: ['upgrade'] }, { lockTimeoutMs, deadlineMs, ...talk });
  let isOver = false;
  const ended = flaskDb({ ...ops, signal }, command, ['upgrade'], ALARM).finally(() => {
    isOver = true;
  });
  // Its own limit comes first; an engine that does not answer has none.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        stopping.abort();
        reject(neverLoaded(target.bootSeconds, ''));
      },
      target.bootSeconds * 1000 + MARGIN_MS,
    );
  });
  const failed = ended.then(
    () => {
      throw neverLoaded(target.bootSeconds, '');
    },
    (error: unknown) => {
      throw whyNotLoaded(error, target.bootSeconds);
    },
  );
  const loaded = Promise.race([talk.isLoaded, failed, late]).finally(() => clearTimeout(timer));
  for (const promise of [ended, failed, loaded]) promise.catch(() => undefined);
  return {
    loaded,
    isOver: () => isOver,
    go() {
      talk.say('go\n');
      return ended;
    },
    async stop() {
      stopping.abort();
      await ended.catch(() => undefined);
    },
  };
}

const PROGRAM = new URL('upgrade.py', import.meta.url);

/** What is heard of the program, and said to it. */
function conversation() {
  let say: (word: string) => void = () => undefined;
  let told: () => void = () => undefined;
  const moreInput = new Promise<string>((resolve) => {
    say = resolve;
  });
  const isLoaded = new Promise<void>((resolve) => {
    told = resolve;
  });
  let tail = '';
  const heard = (text: string) => {
    tail = (tail + text).slice(-1000);
    if (tail.includes(`\n${LOADED}\n`)) told();
  };
  return { moreInput, heard, isLoaded, say };
}

/** Where it hangs is told first, and then by whom that was called. */
function whyNotLoaded(error: unknown, seconds: number): unknown {
  const hangs = error instanceof CommandError && /^Timeout \(.*\)!\n([\s\S]*)/m.exec(error.output.stderr)?.[1];
  return hangs ? neverLoaded(seconds, hangs.split('\n').slice(0, 8).join('\n')) : error;
}

const neverLoaded = (seconds: number, where: string): OpsError =>
  new OpsError({
    kind: 'deadline',
    what: {
      en: `flask db upgrade: the application could not be loaded within ${seconds} s: importing or creating it does not end.\n${where}`.trim(),
      zh: `flask db upgrade: 应用在 ${seconds} 秒内未能加载完成, 导入或创建应用一直未结束.\n${where}`.trim(),
    },
  });

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
