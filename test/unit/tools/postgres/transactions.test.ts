import { expect, it } from 'vitest';
import { TRANSACTION_SECONDS, untilNoTransaction } from '../../../../lib/tools/postgres/transactions.ts';
import { testOps } from '../../../support/ops.ts';
import { DB } from '../../domain/backup/backup.fakes.ts';

const SERVER = { ...DB, name: 'template1' };
const said = (young: number, all: number) => ({ stdout: `${JSON.stringify({ young, all })}\n` });

it('waits for what was begun, and not for what has lasted long', async () => {
  const looks = [said(2, 3), said(1, 2), said(0, 1)];
  const ops = testOps(() => looks.shift());
  expect(await untilNoTransaction(ops, SERVER, DB.name)).toBe(1);
  expect(looks).toEqual([]);
});

it('waits no longer where one begins after the other: people wait meanwhile', async () => {
  const ops = testOps(() => {
    if (ops.clock.monotonic() > 5 * TRANSACTION_SECONDS * 1000) throw new Error('it waits without end');
    return said(1, 2);
  });
  expect(await untilNoTransaction(ops, SERVER, DB.name)).toBe(2);
  expect(ops.clock.monotonic()).toBeGreaterThanOrEqual(TRANSACTION_SECONDS * 1000);
});
