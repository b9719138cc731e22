/** A row by its column names, in the order of the query. */
export type Row = Readonly<Record<string, unknown>>;

/** Rows, and the names of their columns also when there are none. */
export type Rows<R extends Row = Row> = readonly R[] & { readonly columns: readonly string[] };

export interface Column {
  readonly name: string;
  /** PostgreSQL's: `integer`, `text`, `timestamp with time zone`. */
  readonly type: string;
}

/**
 * @param csv without a head, as psql writes it.
 * @param missing what stands for NULL.
 */
export function rowsOf<R extends Row>(columns: readonly Column[], csv: string, missing: string): Rows<R> {
  const names = unique(columns.map((c) => c.name));
  const rows = recordsOf(csv).map((cells) => {
    const entries = columns.map(({ type }, at): [string, unknown] => {
      const cell = cells[at] ?? missing;
      return [names[at] as string, cell === missing ? null : cellValue(type, cell)];
    });
    return Object.fromEntries(entries) as R;
  });
  return Object.assign(rows, { columns: names });
}

/** Two columns may have one name; an object's keys may not. */
function unique(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}_${times}`;
  });
}

/** Numbers that a double holds exactly are numbers; `numeric` and all else is the text that the server shows. */
function cellValue(type: string, cell: string): unknown {
  switch (type) {
    case 'smallint':
    case 'integer':
    case 'oid':
    case 'real':
    case 'double precision':
      return Number(cell);
    case 'bigint':
      return Number.isSafeInteger(Number(cell)) ? Number(cell) : cell;
    case 'boolean':
      return cell === 't';
    case 'json':
    case 'jsonb':
      return JSON.parse(cell);
    default:
      return cell;
  }
}

/** Records of RFC 4180, whose cells may have line ends in them. The last record ends with a line end. */
export function recordsOf(csv: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, plain = '', end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\n') {
      records.push(record);
      record = [];
    }
  }
  return records;
}
