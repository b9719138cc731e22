import { misuse } from '../core/refusal.ts';
import { identifier, literal } from '../tools/postgres/psql.ts';
import { Secret } from './secret.ts';

/** What may stand in `${…}`: it becomes one literal, or what another {@link Sql} says. Arrays fit `= ANY(${…})`. */
export type SqlValue = string | number | bigint | boolean | null | Date | Sql | readonly (string | number | null)[];

/** SQL whose values are quoted. Made by `db.sql` and `db.name`, and by nothing else. */
export class Sql {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  /** @throws {OpsError} `usage` for a value inside quotes or a comment, and for one that SQL has no literal for. */
  static of(pieces: TemplateStringsArray, values: readonly SqlValue[]): Sql {
    let before = '';
    const parts = values.map((value, at) => {
      before += pieces[at] ?? '';
      if (!endsInCode(before)) throw inQuotes(at + 1);
      const shown = literalOf(value, at + 1);
      before += shown;
      return `${pieces[at]}${shown}`;
    });
    return new Sql(`${parts.join('')}${pieces.at(-1) ?? ''}`);
  }

  /** What is written here in the library, with no value of anybody's in it. */
  static written(text: string): Sql {
    return new Sql(text);
  }

  /** `a`, `a.b`: the name of a table, column, schema, whatever it contains. */
  static name(...parts: readonly string[]): Sql {
    return new Sql(parts.map(identifier).join('.'));
  }
}

// With spaces around: a literal that touches the text beside it would mean something else (`E'…'`, `--1`, `''`).
function literalOf(value: SqlValue, number: number): string {
  if (value instanceof Sql) return ` ${value.text} `;
  if (value === null) return ' NULL ';
  if (typeof value === 'string') return ` ${literal(value)} `;
  if (typeof value === 'boolean') return ` ${value} `;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))) return ` (${value}) `;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return ` ${literal(value.toISOString())}::timestamptz `;
  if (Array.isArray(value)) return ` ${literal(`{${value.map(elementOf).join(',')}}`)} `;
  const what = (value as unknown) instanceof Secret ? 'Secret' : String(value);
  throw misuse({
    en: `Value ${number} of the SQL is ${what}, for which there is no literal.`,
    zh: `SQL 的第 ${number} 个值是 ${what}, 无法写成 SQL 字面量.`,
  });
}

const elementOf = (element: string | number | null): string =>
  element === null ? 'NULL' : `"${String(element).replace(/["\\]/g, '\\$&')}"`;

/** Quoted parts and comments of SQL; the group is how one ends, and empty when it does not. */
const NO_CODE = [
  /(?<![\w$])[eE]'(?:[^'\\]|''|\\[\s\S])*(?<end>'|$)/,
  /'(?:[^']|'')*(?<end>'|$)/,
  /"(?:[^"]|"")*(?<end>"|$)/,
  /\$(?<tag>\w*)\$[\s\S]*?(?<end>\$\k<tag>\$|$)/,
  /--[^\n]*(?<end>\n|$)/,
  /\/\*[\s\S]*?(?<end>\*\/|$)/,
];

function endsInCode(sql: string): boolean {
  for (let rest = sql; ; ) {
    const found = NO_CODE.map((form) => form.exec(rest)).filter((m) => m !== null);
    const first = found.sort((x, y) => x.index - y.index)[0];
    if (first === undefined) return true;
    const nested = first[0].startsWith('/*') && first[0].includes('/*', 2);
    if (first.groups?.end === '' || nested) return false;
    rest = rest.slice(first.index + first[0].length);
  }
}

const inQuotes = (number: number) =>
  misuse(
    {
      en: `Value ${number} of the SQL stands inside quotes or a comment.`,
      zh: `SQL 的第 ${number} 个值位于引号或注释中.`,
    },
    {
      en: 'Leave the quotes out: a value is quoted by itself. For a name: db.name(…).',
      zh: '请去掉引号: 值会自动加引号. 表名或列名请使用 db.name(…).',
    },
  );
