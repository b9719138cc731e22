import { expect, it } from 'vitest';
import { production } from './model/deployment.ts';
import { summary, sweep } from './model/sweep.ts';

it('whatever command goes wrong in a rebuild with deletion, nothing is lost', async () => {
  const result = await sweep({
    args: ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'],
    sample: { changes: 7, reads: 2 },
    given: production,
  });
  console.log(summary('delete', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
  expect(result.needsPerson).toEqual([]);
}, 7_200_000);
