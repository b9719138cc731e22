import { expect, it } from 'vitest';
import { mayHaveChangedRows } from '../../../../lib/domain/schema/midway-rows.ts';

const MIDWAY = [
  { file: 'migrations/env.py', within: false },
  { file: 'migrations/versions/2026_b.py', within: true },
];
const log = (...revisions: string[]) =>
  [
    'INFO  [alembic] Context impl PostgresqlImpl.',
    ...revisions.map((r) => `INFO  [alembic] Running upgrade x -> ${r}, y`),
  ].join('\n');

it.each([
  ['it had begun', log('2025_a', '2026_b'), ['migrations/versions/2026_b.py']],
  ['one before it failed', log('2025_a'), []],
  ['none had begun', log(), []],
  ['nothing was logged', 'Traceback', ['migrations/versions/2026_b.py']],
  ['it was cut off', undefined, ['migrations/versions/2026_b.py']],
])('a migration that commits inside itself may have changed rows for good: %s', (_when, said, files) => {
  expect(mayHaveChangedRows(MIDWAY, said)).toEqual(files);
});

it('an env.py that switches transactions off counts for whichever had begun', () => {
  const env = [{ file: 'migrations/env.py', within: true }];
  expect(mayHaveChangedRows(env, log('2025_a'))).toEqual(['migrations/env.py']);
  expect(mayHaveChangedRows(env, log())).toEqual([]);
});

it('knows a migration by its revision wherever its name has it: alembic’s file_template may put a date before it', () => {
  const dated = [{ file: 'migrations/versions/2026_06_01-ab12cd_note.py', within: true }];
  expect(mayHaveChangedRows(dated, log('ab12cd'))).toEqual([dated[0]?.file]);
  expect(mayHaveChangedRows(dated, log('ef34ab'))).toEqual([]);
});
