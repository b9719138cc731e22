import { expect, it } from 'vitest';
import type { RequestHold } from '../../../../lib/domain/hold/hold.ts';
import type { Facts } from '../../../../lib/domain/restoration/facts.ts';
import { standstillSteps } from '../../../../lib/flows/restore/standstill.ts';
import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';
import { DB } from '../../domain/backup/backup.fakes.ts';

const PLAIN = { kind: 'plain', why: { en: '', zh: '' } } as const;

it('lets go of who waits also when the programs can not be told to go on, and tries that once more when it is undone', async () => {
  let sent = 0;
  const ops = testOps(({ argv }) => {
    if (!argv.includes('-c')) return undefined;
    sent += 1;
    if (sent > 1) return { exitCode: 1, stderr: 'is not running' };
    // Answers that it is there, and that they stand still; then it is killed.
    let left = 2;
    const answer = () => (left-- > 0 ? '{"ready": true, "frozen": 1, "moving": 0}' : undefined);
    return { talk: { answer, end: () => undefined } };
  });
  let released = 0;
  const release = async () => {
    released += 1;
  };
  const hold = { holding: false, begin: async () => undefined, release };
  const facts = { app: container('app'), database: DB } as unknown as Facts;
  const steps = standstillSteps(facts, PLAIN, hold as unknown as RequestHold);
  await steps.hold?.run(ops);
  await expect(steps.release?.run(ops)).rejects.toThrow();
  expect([released, sent]).toEqual([1, 2]);
  await expect(steps.hold?.undo?.(ops)).rejects.toThrow();
  expect([released, sent]).toEqual([2, 3]);
});
