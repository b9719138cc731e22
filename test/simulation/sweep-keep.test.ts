import { expect, it } from 'vitest';
import { production } from './model/deployment.ts';
import { keepsData } from './model/invariants.ts';
import { summary, sweep } from './model/sweep.ts';

it('whatever command goes wrong in a rebuild with data kept, nothing is lost', async () => {
  const result = await sweep({
    args: ['--yes', '--data', 'keep'],
    kept: keepsData,
    sample: { changes: 4, reads: 2 },
    given: production,
  });
  console.log(summary('keep', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
  expect(result.needsPerson).toEqual([]);
}, 7_200_000);
