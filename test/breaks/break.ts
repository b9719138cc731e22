import type { Text } from '../../lib/core/text.ts';

/** Another text in the place of one that occurs once in the file. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Code broken on purpose, and the test that must notice it. A row of docs/reliability. */
export interface Break {
  readonly what: Text;
  readonly edits: readonly Edit[];
  /** The test's file. */
  readonly test: string;
  /** A part of the test's name; the whole file without one. */
  readonly named?: string;
  /** A part of what the failing test says, where its name alone does not tell that this very break was seen; no test's name. */
  readonly says?: string;
}

export const edit = (file: string, from: string, to: string): Edit => ({ file, from, to });

/** The break as docs/reliability has it. */
export function rowOf({ what, test, named, says }: Break, language: keyof Text): string {
  const name = test.replace(/^test\/(unit|simulation)\/|(\.e2e)?\.test\.ts$/g, '').replace(/^test\//, '');
  return `| ${what[language]} | ${name}${named ? `: ${named}` : ''} | ${says ?? '-'} |`.replaceAll('*', '\\*');
}
