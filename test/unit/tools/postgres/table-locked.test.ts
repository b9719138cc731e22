import { expect, it } from 'vitest';
import { query } from '../../../../lib/tools/postgres/psql.ts';
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
