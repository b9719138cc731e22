import type { Area, Invocation } from './journal.ts';
import type { Ops } from './ops.ts';
import type { Text } from './text.ts';

/** A step as the plan shows it, before anything happens. */
export interface PlannedStep {
  /** Stable English name, used in the journal and in `--json`. */
  readonly id: string;
  readonly title: Text;
  /** `changes` production while it goes on serving. */
  readonly risk: 'none' | 'changes' | 'interrupts' | 'deletes';
  /** What will be run, as a person would type it; `<…>` stands for what is known only then. What a command says of itself is a `Text`. */
  readonly commands: readonly (string | Text)[];
  /** What would be lost. */
  readonly loses?: Text;
  /** How it is undone when a later step fails. */
  readonly wayBack?: Text;
  /** A guess, said as such. */
  readonly seconds?: number;
}

/**
 * One step of a run: what the plan shows of it, and what it does. Making one does nothing. A step that this run does not have is
 * `undefined`.
 *
 * @typeParam T what the steps after it get from it.
 * @typeParam A what it gets from the steps before it.
 */
export interface Step<T = void, A extends readonly unknown[] = []> extends PlannedStep {
  readonly run: (ops: Ops, ...given: A) => Promise<T>;
  /** Shown behind the step's name when it is done. */
  readonly evidence?: (result: T, ...given: A) => Text | undefined;
  /**
   * Makes the world as it was before the step. Called when this or a later step failed, also when `run` stopped in its
   * middle: it looks at the world and does only what is missing.
   */
  readonly undo?: (ops: Ops, ...given: A) => Promise<unknown>;
}

/** What speaks for a run when one of its steps fails. */
export interface Recovery {
  /** Proves after undoing that what was there before serves again; throws otherwise. */
  readonly prove: (ops: Ops) => Promise<Text>;
  /** Exact commands for a person, when it could not be proved. */
  readonly advice: () => readonly Text[];
  /** Options that make this command line mean later what it means now (the commit behind a branch), for finishing a run that died. */
  readonly also?: readonly string[];
  /** What goes back to what was there before, when nothing is left of this process. */
  readonly back?: Invocation;
  /**
   * What of production is proved when all steps are done: it makes good whatever run had left that half done. Nothing where it is done beside the
   * script's own deed (tried, dropped): that makes good only its like.
   */
  readonly proves: readonly Area[];
  /** What is to be proved again should the run be killed; default: what it proves. */
  readonly owes?: readonly Area[];
}
