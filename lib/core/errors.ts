import { same, type Text } from './text.ts';

/**
 * Every way a run can end other than well. Exit codes are part of the command line's contract (README, "Exit codes").
 *
 * - `usage` / `config`: the command line, `.env`, compose file or target config is wrong. Nothing was changed.
 * - `precondition`: the world is not as this script needs it. Nothing was changed.
 * - `declined`: a person (or the lack of one) said no. Nothing was changed.
 * - `locked`: another run holds the deploy directory.
 * - `command` / `deadline`: an outside program failed, or did not end in time. The executor decides what that means.
 * - `failed`: the job failed, and what was there before is proved to be back.
 * - `needs-person`: the job failed and what was there could not be proved to be back. `next` has exact commands.
 * - `interrupted`: a signal stopped the run.
 */
const EXIT_CODES = {
  usage: 2,
  config: 2,
  precondition: 3,
  declined: 4,
  locked: 5,
  command: 1,
  deadline: 1,
  failed: 1,
  'needs-person': 6,
  interrupted: 130,
} as const;

export type Kind = keyof typeof EXIT_CODES;

export interface Problem {
  readonly kind: Kind;
  /** What happened. */
  readonly what: Text;
  /** What state things are in now. */
  readonly state?: Text;
  /** What to do next: sentences or exact commands, one each. */
  readonly next?: readonly Text[];
  readonly cause?: unknown;
  /** Overrides the kind's exit code (signals: 143 for SIGTERM). */
  readonly exitCode?: number;
}

/** The one error this library throws on purpose. Anything else is a bug and is reported as one. */
export class OpsError extends Error {
  override readonly name = 'OpsError';
  readonly kind: Kind;
  readonly what: Text;
  readonly state: Text | undefined;
  readonly next: readonly Text[];
  readonly exitCode: number;

  constructor(problem: Problem) {
    super(problem.what.en, problem.cause === undefined ? undefined : { cause: problem.cause });
    this.kind = problem.kind;
    this.what = problem.what;
    this.state = problem.state;
    this.next = problem.next ?? [];
    this.exitCode = problem.exitCode ?? EXIT_CODES[problem.kind];
  }
}

export const NOTHING_CHANGED: Text = {
  en: 'Nothing was changed; what was running is still running.',
  zh: '未做任何改动, 原来在运行的服务仍在运行.',
};

/** The bilingual sentence of any thrown value. */
export function whatHappened(error: unknown): Text {
  if (error instanceof OpsError) return error.what;
  const message = error instanceof Error ? error.message : String(error);
  return same(message);
}

/** For `catch`, where a failure is an answer: an interruption goes on, as does a bug. */
export const unlessInterrupted =
  <T>(answer: (error: OpsError) => T) =>
  (error: unknown): T => {
    if (error instanceof OpsError && error.kind !== 'interrupted') return answer(error);
    throw error;
  };
