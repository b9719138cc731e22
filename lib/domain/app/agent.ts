import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { type Attached, execAttached } from '../../tools/docker/attached.ts';
import { exec, PYTHON_BY_LINE } from '../../tools/docker/docker.ts';

/** The scripts in `agent/`; each is one look or one deed in the application's container, in the container's own Python. */
type Script =
  | 'as_web'
  | 'ask_health'
  | 'compile'
  | 'drain'
  | 'inventory'
  | 'logins'
  | 'place'
  | 'programs'
  | 'revisions'
  | 'routes'
  | 'save'
  | 'site'
  | 'sweep'
  | 'unpack'
  | 'vitals'
  | 'workers';

/** What serves goes first. */
const NICE = 10;
/** On a busy machine, which may be why somebody is here, Python alone needs a quarter of a minute to start behind all others. */
const ANSWER_MS = 60_000;

interface Call<T> {
  readonly effect: 'read' | 'change';
  readonly args: Readonly<Record<string, unknown>>;
  readonly answer: z.ZodType<T>;
  readonly deadlineMs?: number;
  /** May be left alone with it: it then goes on by itself. Default: reads only. */
  readonly interruptible?: boolean;
  /** Default: the container's own. */
  readonly user?: string;
  /** Words before Python's: a program that starts it in another environment. */
  readonly under?: readonly string[];
}

/**
 * Runs one of the scripts in a container and reads its answer. The script goes in through stdin, so that nothing has to be
 * installed; its last line starts it, so that one which arrives in part does nothing. It goes on when the client dies.
 */
export async function agent<T>(
  ops: Ops,
  container: string,
  script: Script,
  { effect, args, answer, under = [], deadlineMs = ANSWER_MS, ...limits }: Call<T>,
): Promise<T> {
  const command = exec(effect, container, [...under, ops.target.app.python, '-', script], {
    input: sourceOf(script, args, NICE),
    deadlineMs,
    ...limits,
  });
  return answerOf(`${script}.py`, answer, await ask(ops, command));
}

/** With what all of them need before it. @param nice how far it steps back behind what serves. */
export function sourceOf(script: string, args: unknown = {}, nice = 0): string {
  const [common, source] = ['common', script].map((name) =>
    readFileSync(new URL(`agent/${name}.py`, import.meta.url), 'utf8'),
  );
  // JSON's string literals are Python's, too.
  return `${common}\nARGS = json.loads(${JSON.stringify(JSON.stringify(args))})\nos.nice(${nice})\n${source}`;
}

/**
 * Runs one of the scripts for as long as somebody holds its stdin, which takes orders and answers each with a line.
 *
 * @param user default: the container's own.
 * @throws {CommandError} when the container does not run.
 */
export function attachAgent(
  ops: Ops,
  container: string,
  script: 'drain' | 'freeze',
  { args, user }: { readonly args?: Call<unknown>['args']; readonly user?: string } = {},
): Promise<Attached> {
  const words = [...(user ? ['-u', user] : []), container, ops.target.app.python, '-c', PYTHON_BY_LINE, script];
  return execAttached(ops, words, JSON.stringify(sourceOf(script, args)));
}
