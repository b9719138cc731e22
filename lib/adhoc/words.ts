import { same, type Text } from '../core/text.ts';

/** What a script says: a plain string reads the same in both languages, `{ en, zh }` follows `--lang`. */
export type Words = string | Text;

export const textOf = (words: Words): Text => (typeof words === 'string' ? same(words) : words);

export const isText = (value: unknown): value is Text =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length === 2 &&
  typeof (value as Text).en === 'string' &&
  typeof (value as Text).zh === 'string';
