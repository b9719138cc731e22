import { describe, expect, it } from 'vitest';
import { CommandError } from '../../../../lib/core/run.ts';
import { restoreAdvice, withoutDetails, withoutRows } from '../../../../lib/tools/postgres/server-errors.ts';

const ROW = 'SENTINEL';

describe('what pg_restore says', () => {
  // As PostgreSQL 15 wrote them.
  it.each([
    [
      `pg_restore: creating INDEX "public.u_idx"
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3342; 1259 16391 INDEX u_idx wf
pg_restore: error: could not execute query: ERROR:  function inner_f(text) does not exist
LINE 1: inner_f(t)
HINT:  No function matches the given name and argument types.
QUERY:  inner_f('${ROW}')
CONTEXT:  PL/pgSQL function public.outer_f(text) line 1 at RETURN
Command was: CREATE INDEX u_idx ON public.u USING btree (public.outer_f(a)) WHERE a <> '${ROW}';`,
      'ERROR: function inner_f(text) does not exist\nin function public.outer_f(text)\nwhile restoring INDEX u_idx',
    ],
    [
      `pg_restore: from TOC entry 7; 0 16389 TABLE DATA c wf
pg_restore: error: COPY failed for table "c": ERROR:  new row for relation "c" violates check constraint "c_a_check"
DETAIL:  Failing row contains (${ROW}).
CONTEXT:  COPY c, line 1: "${ROW}"`,
      'ERROR: new row for relation "c" violates check constraint "c_a_check"\nwhile restoring TABLE DATA c',
    ],
    [
      `pg_restore: from TOC entry 7; 0 16389 TABLE DATA c wf
pg_restore: error: COPY failed for table "c": ERROR:  invalid input syntax for type integer: "${ROW}"
CONTEXT:  COPY c, line 1, column a: "${ROW}"`,
      'ERROR: an error whose text may hold data, so it is not shown\nwhile restoring TABLE DATA c',
    ],
    [
      `pg_restore: error: could not execute query: ERROR:  customer "x" of ${ROW} does not exist
second line of a RAISE: ${ROW}
CONTEXT:  PL/pgSQL function public.f() line 1 at RAISE`,
      'ERROR: an error whose text may hold data, so it is not shown\nin function public.f()',
    ],
    [`something of the future: ${ROW}`, 'an error whose text may hold data, so it is not shown'],
    ['pg_restore: error: could not read from input file: end of file', undefined],
    ['Error response from daemon: Container x is not running', undefined],
    ['', ''],
    ['ERROR: pg_cron can only be loaded via shared_preload_libraries', undefined],
    ['ERROR: pgaudit must be loaded via shared_preload_libraries', undefined],
    ['ERROR: extension "timescaledb" must be preloaded', undefined],
    ['ERROR: can only create extension in database postgres', undefined],
  ])('is shown without a row: %#', (said, shown) => {
    expect(withoutRows(said)).toBe(shown ?? said);
    expect(withoutRows(said)).not.toContain(ROW);
  });

  it('is followed by the cure, where there is one', () => {
    const error = (stderr: string) => {
      const output = { stdout: '', stderr, exitCode: 1, milliseconds: 1 };
      return new CommandError({ argv: [], effect: 'change', deadlineMs: 1 }, output, 'command', 'pg_restore');
    };
    const [path] = restoreAdvice(error('ERROR: relation "o" does not exist\nin function public.f()'));
    expect(path?.en).toContain('ALTER FUNCTION public.f() SET search_path = public, pg_temp;');
    expect(restoreAdvice(error('ERROR: extension "x" is not available'))).toHaveLength(1);
    expect(restoreAdvice(error('ERROR: extension "t" must be preloaded'))).toHaveLength(1);
    expect(restoreAdvice(error('ERROR: can only create extension in database postgres'))).toHaveLength(1);
    expect(restoreAdvice(error('ERROR: out of memory'))).toEqual([]);
  });
});

describe('what a migration says', () => {
  it('loses the rows and keeps the rest', () => {
    const said = `sqlalchemy.exc.IntegrityError: could not create unique index "i"
DETAIL:  Key (a)=(${ROW}) is duplicated.
[SQL: CREATE UNIQUE INDEX i ON t (a)]
[parameters: {'a': '${ROW}'}]`;
    expect(withoutDetails(said)).toBe(`sqlalchemy.exc.IntegrityError: could not create unique index "i"
DETAIL: …
[SQL: CREATE UNIQUE INDEX i ON t (a)]
[parameters: …`);
  });
});
