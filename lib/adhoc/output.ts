import { failed } from '../core/refusal.ts';
import type { Screen } from '../core/screen.ts';
import { same, type Text } from '../core/text.ts';
import { clipped, columns as widthOf } from '../runs/terminal/columns.ts';
import { isText, textOf, type Words } from './words.ts';

/** What a script can say. Everything is redacted, and what a terminal would obey is made visible. */
export interface Voice {
  /** A line, or several. */
  say(words: Words): void;
  /**
   * Rows under the names of their columns: those that the rows name (`db.query` does, in its order), else the keys of all rows. Numbers
   * stand right, NULL and undefined are `-`. On a terminal what does not fit is cut; `--json` has `items`, whole.
   */
  table(rows: readonly object[]): void;
  /** Something is wrong: shown, with what to do next; the script goes on, and ends with exit code 1 (6 after steps that were carried out). */
  problem(what: Words, ...next: readonly Words[]): void;
  /** The same, and the script ends here. */
  fail(what: Words, ...next: readonly Words[]): never;
}

export interface Output extends Voice {
  /** What the script returned: rows or a list as a table, an object as one, anything else as text. Nothing of `undefined`. */
  result(value: unknown): void;
  /** How many problems there were. */
  readonly problems: () => number;
}

/** @param redact what is cut must not be a secret by then: a part of one is not recognised any more. */
export function outputOf(screen: Screen, redact: (text: string) => string): Output {
  let problems = 0;
  const say = (words: Words) => screen.show({ event: 'info', text: textOf(words) });
  const table = (rows: readonly object[]) => showTable(screen, redact, rows as readonly Cells[]);
  return {
    say,
    table,
    problem(what, ...next) {
      problems += 1;
      screen.show({ event: 'error', text: textOf(what) });
      for (const text of next.map(textOf)) {
        screen.show({ event: 'info', text: { en: `→ ${text.en}`, zh: `→ ${text.zh}` } });
      }
    },
    fail(what, ...next): never {
      throw failed(textOf(what), ...next.map(textOf));
    },
    result(value) {
      if (value === undefined) return;
      if (typeof value === 'string' || isText(value)) return say(value);
      if (typeof value !== 'object' || value === null) return say(String(value));
      if (!Array.isArray(value)) {
        return table(Object.entries(value).map(([name, of]) => ({ name, value: of })));
      }
      const objects = value.every((row) => typeof row === 'object' && row !== null && !isText(row));
      table(objects ? value : value.map((row) => ({ value: row })));
    },
    problems: () => problems,
  };
}

type Cells = Readonly<Record<string, unknown>>;

function showTable(screen: Screen, redact: (text: string) => string, rows: readonly Cells[]): void {
  const named = (rows as { columns?: unknown }).columns;
  const names = Array.isArray(named) ? (named as string[]) : [...new Set(rows.flatMap(Object.keys))];
  const clean = ({ en, zh }: Text): Text => ({ en: redact(en), zh: redact(zh) });
  const cells = rows.map((row) => names.map((name) => clean(textOfCell(row[name]))));
  const right = names.map((name) => rows.length > 0 && rows.every((row) => isNumber(row[name])));
  const shown = fitted([names.map(same), ...cells], screen);
  const widths = names.map((_, at) => Math.max(...shown.map((row) => widthOf((row[at] as Text)[screen.language]))));
  const [head = [], ...body] = shown.map((row) =>
    row.map((cell, at) => (right[at] ? padded(cell, (widths[at] as number) - widthOf(cell[screen.language])) : cell)),
  );
  const items = rows.map((row) => Object.fromEntries(names.map((name) => [name, plain(row[name])])));
  if (names.length > 0) screen.show({ event: 'list', id: 'rows', columns: head, rows: body, items });
  if (rows.length === 0) screen.show({ event: 'info', text: { en: '(no rows)', zh: '(没有数据)' } });
}

const isNumber = (value: unknown) => typeof value === 'number' || typeof value === 'bigint';
const padded = (cell: Text, by: number): Text => ({ en: ' '.repeat(by) + cell.en, zh: ' '.repeat(by) + cell.zh });

/** One line: a cell with line ends would break the table. */
function textOfCell(value: unknown): Text {
  if (value === null || value === undefined) return same('-');
  if (isText(value)) return value;
  const text = typeof value === 'object' && !(value instanceof Date) ? JSON.stringify(value) : String(plain(value));
  return same(
    text
      .replace(/^"|"$/g, (quote) => (typeof value === 'object' ? '' : quote))
      .replace(/\s+/g, ' ')
      .trim(),
  );
}

/** A value as JSON has it. Texts in English, as all that programs read. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (isText(value)) return value.en;
  return JSON.parse(JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)) ?? 'null');
}

/** Narrower than this a column tells nothing. */
const NARROWEST = 8;

/** Takes columns, the widest first, as much as the terminal is too narrow. */
function fitted(rows: readonly (readonly Text[])[], { columns, language }: Screen): readonly (readonly Text[])[] {
  if (columns === undefined) return rows;
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => widthOf((row[at] as Text)[language]))));
  const free = columns - 2 - 2 * (widths.length - 1);
  for (let over = widths.reduce((a, b) => a + b, 0) - free; over > 0; over -= 1) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= NARROWEST) break;
    widths[widest] = (widths[widest] as number) - 1;
  }
  return rows.map((row) =>
    row.map(({ en, zh }, at) => ({ en: cut(en, widths[at] as number), zh: cut(zh, widths[at] as number) })),
  );
}

const cut = (text: string, width: number): string => (widthOf(text) <= width ? text : `${clipped(text, width - 1)}…`);
