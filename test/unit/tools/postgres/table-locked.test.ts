import { expect, it } from 'vitest';
import { CommandError, read } from '../../../../lib/core/run.ts';
import { query } from '../../../../lib/tools/postgres/psql.ts';
import { holdersNow, notReadable } from '../../../../lib/tools/postgres/readable.ts';
import { HOLDERS, TableLocked } from '../../../../lib/tools/postgres/table-locked.ts';
import { testOps } from '../../../support/ops.ts';
import { DB } from '../../domain/backup/backup.fakes.ts';

it('is not waited for, and who holds it is named, without what is in the query', async () => {
  const holder = { pid: 7, application: 'report', user: 'bob', address: '10.0.0.9', state: 'idle in transaction' };
  const ops = testOps(({ input }) => {
    expect(input).toContain('SET lock_timeout = 1000;');
    if (!input.includes(HOLDERS)) return { exitCode: 3, stderr: 'ERROR:  canceling statement due to lock timeout' };
    return { stdout: `${JSON.stringify({ ...holder, since: 'T', query: "UPDATE t SET a = 'SENTINEL'" })}\n` };
  });
  const error = await query(ops, DB, 'SELECT 1').catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TableLocked);
  expect(error).toMatchObject({ exitCode: 3, next: [{ en: expect.stringContaining('pg_terminate_backend') }] });
  const { en } = (error as TableLocked).what;
  expect(en).toContain('pid 7 · report · bob · 10.0.0.9 · idle in transaction · T · UPDATE t SET a =');
  expect(en).not.toContain('SENTINEL');
});

it('names a prepared transaction, which has no session, as whoever ends it must write it', async () => {
  const holder = { prepared: "gid'1\u001b", user: 'bob', since: 'T' };
  const ops = testOps(() => ({ stdout: `${JSON.stringify(holder)}\n` }));
  const { what, next } = notReadable(await holdersNow(ops, DB));
  expect(what.en).toContain("PREPARE TRANSACTION 'gid''1\\x1b' · bob · T");
  expect(next[0]?.en).toContain('ROLLBACK PREPARED');
});

it('is what pg_dump was waiting for, which the server calls a timeout of a statement', () => {
  const failed = (stderr: string) =>
    TableLocked.caused(
      new CommandError(read(['pg_dump']), { exitCode: 1, stdout: '', stderr } as never, 'command', 'pg_dump'),
    );
  const timeout = 'pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout\n';
  expect(failed(`${timeout}pg_dump: detail: Query was: LOCK TABLE public.t IN ACCESS SHARE MODE\n`)).toBe(true);
  expect(failed(`${timeout}pg_dump: error: query was: LOCK TABLE public.t IN ACCESS SHARE MODE\n`)).toBe(true);
  expect(failed(`${timeout}pg_dump: detail: Query was: SELECT 1\n`)).toBe(false);
});
