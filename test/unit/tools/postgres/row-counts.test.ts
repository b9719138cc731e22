import { expect, it } from 'vitest';
import { countRows } from '../../../../lib/tools/postgres/row-counts.ts';
import { testOps } from '../../../support/ops.ts';

it('lets a question be asked about a database whose rows can’t be counted', async () => {
  const ops = testOps(() => ({ exitCode: 2, stderr: 'FATAL:  sorry, too many clients already\n' }));
  expect(await countRows(ops, { container: 'c', user: 'u', name: 'd' } as never)).toBeUndefined();
  expect(ops.shown).toEqual([expect.objectContaining({ event: 'warning' })]);
});
