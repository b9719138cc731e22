import { expect, it } from 'vitest';
import { restoreAgain } from './model/invariants-restore.ts';
import { RESTORE, restorable, YES } from './model/restorable.ts';
import { summary, sweep } from './model/sweep.ts';

it('whatever command of a restore goes wrong, one database or the other is in use, and nobody stays paused', async () => {
  const result = await sweep({
    args: YES,
    script: RESTORE,
    check: restoreAgain,
    sample: { changes: 5, reads: 1 },
    given: restorable,
  });
  console.log(summary('restore', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
}, 7_200_000);
