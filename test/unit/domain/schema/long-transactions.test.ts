import { expect, it } from 'vitest';
import { waitForLongTransactions } from '../../../../lib/domain/schema/long-transactions.ts';
import { testOps } from '../../../support/ops.ts';
import { DB } from '../backup/backup.fakes.ts';

const dump = {
  pid: 4711,
  application: 'pg_dump',
  user: 'nightly',
  address: '172.18.0.9',
  state: 'active',
  since: '2026-01-02T03:00:00Z',
  query: 'COPY users TO stdout -- sentinel-secret-1',
};

/** A server in which a session goes on for so many looks. */
const server = (looks: number) => {
  let looked = 0;
  return testOps(() => {
    looked += 1;
    return { stdout: looked <= looks ? `${JSON.stringify(dump)}\n` : '' };
  });
};

it('goes on at once when nobody is in the way', async () => {
  const ops = server(0);
  await waitForLongTransactions(ops, DB);
  expect(ops.scripted.calls).toHaveLength(1);
  expect(ops.shown).toEqual([]);
});

it('waits for a session to end, and says once for whom', async () => {
  const ops = server(3);
  await waitForLongTransactions(ops, DB);
  expect(ops.scripted.calls).toHaveLength(4);
  expect(ops.shown.map((e) => (e.event === 'warning' ? e.text.en : ''))).toEqual([expect.stringContaining('pid 4711')]);
});

it('refuses when the patience is over, names the session, and tells nothing of its data', async () => {
  const error = await waitForLongTransactions(server(1_000), DB).catch((e: unknown) => e);
  expect(error).toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringMatching(/pid 4711 · pg_dump · nightly/) },
  });
  expect(String(error)).not.toContain('sentinel');
});
