import { firstAbort } from '../../core/concurrency.ts';
import type { Screen, ScreenEvent } from '../../core/screen.ts';
import { redactedIn } from '../../core/secrets.ts';
import { json, type Language, printable, SCRIPTS, seconds, type Text } from '../../core/text.ts';
import { clipped, columns } from './columns.ts';
import { findingLines } from './finding.ts';

export interface TerminalOptions {
  readonly language: Language;
  readonly color: boolean;
  /** One JSON event a line on stdout; text for people goes to stderr. */
  readonly json: boolean;
  /** Answer harmless questions with yes. */
  readonly yes: boolean;
  /** Whether a person can be asked and shown a secret: both stdin and the text stream are terminals. */
  readonly interactive: boolean;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Everything shown, for the run's log; without color. */
  readonly log: (text: string) => void;
  readonly redact: (text: string) => string;
  /** Takes the place of {@link SCRIPTS} in what people are told to type. */
  readonly scripts: string;
  /** Of the terminal that shows the text, if it is one. */
  readonly columns?: number | undefined;
  /** Ends a question that is open, and its reason is thrown. */
  readonly stopped: AbortSignal;
}

/** A question that is open holds the lock: whoever has left the terminal must not keep the nightly backup waiting for ever. */
const ANSWER_MS = 30 * 60_000;

const NOBODY: Text = { en: 'Nobody answered within 30 min.', zh: '30 分钟内无人应答.' };

const COLORS = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;

/** The screen of a run: a line an event, readable over a slow connection and in a log. */
export function terminal(options: TerminalOptions): Screen {
  const t = (text: Text) => text[options.language].replaceAll(SCRIPTS, options.scripts);
  let passing = false;
  const out = (text: string) => {
    const clear = passing ? '\r\u001b[2K' : '';
    passing = false;
    (options.json ? options.stderr : options.stdout)(`${clear}${text}`);
  };
  const paint = (color: keyof typeof COLORS, text: string) =>
    options.color ? `\u001b[${COLORS[color]}m${text}\u001b[0m` : text;
  // Here, because whatever is shown comes by: whoever puts a text together may forget what is foreign in it.
  const safe = (text: string) => printable(options.redact(text));
  const say = (color: keyof typeof COLORS | undefined, text: string) => {
    const clean = indented(safe(text));
    options.log(`${clean}\n`);
    out(`${color ? paint(color, clean) : clean}\n`);
  };

  const render = (e: ScreenEvent): void => {
    switch (e.event) {
      case 'heading':
        say(undefined, '');
        return say('bold', t(e.text));
      case 'info':
        return say(undefined, t(e.text));
      case 'ok':
        return say('green', `✓ ${t(e.text)}`);
      case 'warning':
        say('yellow', `! ${t(e.text)}`);
        return e.fix && say('yellow', `  → ${t(e.fix)}`);
      case 'error':
        return say('red', `✗ ${t(e.text)}`);
      case 'step':
        return say('bold', `[${e.number}/${e.of}] ${t(e.title)}`);
      case 'step-end': {
        const color = e.outcome === 'done' ? 'green' : e.outcome === 'undone' ? 'yellow' : 'red';
        const words = OUTCOMES[e.outcome];
        const id = e.outcome === 'done' ? '' : ` ${e.id}`;
        return say(color, `      ${t(words)}${id} ${seconds(e.milliseconds)}${e.evidence ? `  ${t(e.evidence)}` : ''}`);
      }
      case 'table': {
        const width = Math.max(...e.rows.map(([label]) => columns(t(label))));
        for (const [label, value] of e.rows) {
          say(undefined, `  ${t(label)}${' '.repeat(width - columns(t(label)))}  ${t(value)}`);
        }
        return;
      }
      case 'list': {
        const cells = [e.columns, ...e.rows].map((row) => row.map(t));
        const widths = e.columns.map((_, at) => Math.max(...cells.map((row) => columns(row[at] ?? ''))));
        cells.forEach((row, at) => {
          const padded = row.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - columns(cell)));
          say(at === 0 ? 'bold' : undefined, `  ${padded.join('  ').trimEnd()}`);
        });
        return;
      }
      case 'finding':
        for (const { color, text } of findingLines(e, t, options.columns)) say(color, text);
        return;
      case 'result':
        return;
    }
  };

  const ask = async <T>(
    question: (prompts: typeof import('./prompts.ts'), ends: AbortSignal) => Promise<T | undefined>,
  ) => {
    if (!options.interactive) return undefined;
    const prompts = await import('./prompts.ts'); // 45 ms to load: only when something is asked
    const late = new AbortController();
    // Nothing else may keep a process alive whose terminal was closed on it.
    const timer = setTimeout(() => late.abort(), ANSWER_MS).unref();
    const answer = await question(prompts, firstAbort(options.stopped, late.signal)).finally(() => clearTimeout(timer));
    options.stopped.throwIfAborted();
    if (late.signal.aborted) render({ event: 'warning', text: NOBODY });
    return answer;
  };
  return {
    language: options.language,
    columns: options.columns,
    show(e) {
      // Twice: as a value, because in JSON a shape of a secret may be another; as text, for what is no string.
      if (options.json) options.stdout(`${options.redact(json(redactedIn(e, options.redact)))}\n`);
      render(e);
    },
    progress(text) {
      if (!options.interactive || options.json) return;
      // A line that goes over the edge can't be taken back. Cut only here, when secrets are out of it.
      out(clipped(safe(t(text)).replace(/[\n\t]+/g, ' '), (options.columns ?? Number.POSITIVE_INFINITY) - 1));
      passing = true;
    },
    showSecret(label, secret) {
      if (!options.interactive) return false;
      out(`${paint('bold', `${t(label)} ${secret}`)}\n`);
      return true;
    },
    async askPhrase(question) {
      return ask((prompts, ends) => prompts.phrase(safe(t(question)), ends));
    },
    async askChoice(question, choices) {
      const named = choices.map((c) => ({ value: c.value, name: safe(t(c.label)) }));
      return ask((prompts, ends) => prompts.choice(safe(t(question)), named, ends));
    },
    async askYes(question) {
      return (
        options.yes || ask((prompts, ends) => prompts.yes(safe(t(question)), (answer) => t(answer ? YES : NO), ends))
      );
    },
  };
}

const YES: Text = { en: 'yes', zh: '是' };
const NO: Text = { en: 'no', zh: '否' };

const OUTCOMES: Record<Extract<ScreenEvent, { event: 'step-end' }>['outcome'], Text> = {
  done: { en: 'done', zh: '完成' },
  failed: { en: 'failed', zh: '失败' },
  undone: { en: 'undone', zh: '已撤销' },
  'undo-failed': { en: 'could not be undone', zh: '撤销失败' },
};

/** Only what we say begins at a line's first column: foreign text with line ends must not look like a line of ours. */
const indented = (text: string): string => text.replace(/\n(?=[^\s])/g, '\n  ');
