import { whatHappened } from './errors.ts';
import type { Language, Text } from './text.ts';

/** What something is called, and what it is. */
export type Row = readonly [Text, Text];

/** What a person (or, with `--json`, a program) is told. Event names and fields are stable English. */
export type ScreenEvent =
  | { event: 'heading' | 'info' | 'ok' | 'error'; text: Text }
  | { event: 'warning'; text: Text; fix?: Text | undefined }
  | { event: 'step'; id: string; number: number; of: number; title: Text }
  | {
      event: 'step-end';
      id: string;
      outcome: 'done' | 'failed' | 'undone' | 'undo-failed';
      milliseconds: number;
      evidence?: Text | undefined;
    }
  /** Rows of a summary, plan or list. Values are texts too, so that a missing translation does not compile. */
  | { event: 'table'; id: string; rows: readonly Row[] }
  /** A table with a head. `items` are the same rows for programs: stable English names, plain values. */
  | {
      event: 'list';
      id: string;
      columns: readonly Text[];
      rows: readonly (readonly Text[])[];
      items: readonly Readonly<Record<string, unknown>>[];
    }
  /** What a check came to. `under`: it follows from the one of that id, which was shown before. */
  | {
      event: 'finding';
      id: string;
      area: string;
      level: 'OK' | 'WARN' | 'FAIL' | 'UNKNOWN';
      when: 'now' | 'next-restart';
      title: Text;
      seen: readonly Text[];
      meaning: Text;
      mend: readonly Text[];
      under?: string | undefined;
      acknowledged?: { readonly reason: string; readonly until: string } | undefined;
      /** To be shown in a line. */
      brief?: boolean;
    }
  | { event: 'result'; exitCode: number; verdict: string; data?: Readonly<Record<string, unknown>> };

/** Everything that is shown or asked. Questions are answered `undefined` at end of input and without a terminal. */
export interface Screen {
  /** For the few sentences that are put together from parts. */
  readonly language: Language;
  /** The terminal's width, for whoever cuts what does not fit; `undefined` where nothing should be cut. */
  readonly columns?: number | undefined;
  show(event: ScreenEvent): void;
  /** A line that the next one, or whatever is shown, takes the place of. On a terminal only, and in no log. */
  progress(text: Text): void;
  /** Shown once and kept nowhere: not in the log, the journal or `--json`. False when there is no terminal to show it on. */
  showSecret(label: Text, secret: string): boolean;
  /** The typed text exactly as typed. */
  askPhrase(question: Text): Promise<string | undefined>;
  askChoice<const V extends string>(
    question: Text,
    choices: readonly { value: V; label: Text }[],
  ): Promise<V | undefined>;
  /** `--yes` answers true without asking. */
  askYes(question: Text): Promise<boolean | undefined>;
}

export const WHAT_IS_THERE: Text = { en: 'What is there', zh: '当前状态' };
export const SUMMARY: Text = { en: 'Summary', zh: '总结' };

/** A sentence, and how it is meant. */
export const say = (
  { show }: Pick<Screen, 'show'>,
  event: 'heading' | 'info' | 'ok' | 'warning' | 'error',
  text: Text,
): void => show({ event, text });

/** A table below its heading. */
export function section({ show }: Screen, title: Text, id: string, rows: readonly Row[]): void {
  show({ event: 'heading', text: title });
  show({ event: 'table', id, rows });
}

/** Does what nothing else depends on. When it can't be done, that is only said. @param left what is so then. */
export async function orWarn(screen: Screen, deed: () => Promise<unknown>, left: (why: Text) => Text): Promise<void> {
  try {
    await deed();
  } catch (error) {
    screen.show({ event: 'warning', text: left(whatHappened(error)) });
  }
}
