/** A program call as data. Builders in `docker.ts`, `compose.ts`, … return these; `run.ts` executes them. */
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
