import type { Invocation } from '../../core/journal.ts';
import type { Watched } from '../../core/notify.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import type { Flags, Parsed, Positional } from './flags.ts';

/** One thing to do. */
export interface Action {
  readonly about: Text;
  readonly flags: Flags;
  /** Words without dashes that it takes; their values are among the options, by name. */
  readonly positionals?: readonly Positional[];
  /** It only looks, always or with these options: no lock is waited for and nothing is written, as under `--plan`. */
  readonly onlyLooks?: true | ((flags: Parsed) => boolean);
  /** It only works beside production: there is one of it at a time, and it ends as soon as another run takes the deploy directory. */
  readonly givesWay?: true;
  /** It has to succeed again and again: a dead-man's switch hears of it, and the doctor says when it is due. */
  readonly watched?: Watched;
  /**
   * Returns the verdict, a sentence for the journal and the last line; or, where it only looks, the script that shall go on in its
   * place. Throws `OpsError` for any other end.
   */
  readonly run: (ops: Ops, flags: Parsed & { readonly planOnly: boolean }) => Promise<Verdict | GoOn>;
}

/** With an exit code where something is wrong that was shown already; default 0. `bytes`: of what was made. */
export type Verdict = Text & { readonly exitCode?: number; readonly bytes?: number };

/** Another script takes over, with this one's directory and answers. */
export interface GoOn {
  readonly goOn: Invocation;
}

/** A script does one thing, or one of several that are named by its first word. */
export type Script = {
  /** File name in `scripts/` without `.ts`; also the name in journals. */
  readonly name: string;
  /** Where it is, when not in `scripts/`; absolute. */
  readonly file?: string;
  readonly about: Text;
} & (Action | { readonly commands: Readonly<Record<string, Action>> });
