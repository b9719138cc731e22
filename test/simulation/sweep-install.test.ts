import { expect, it } from 'vitest';
import { ENV } from './model/deployment.ts';
import { summary, sweep } from './model/sweep.ts';

it('whatever command goes wrong in a first installation, nothing is lost', async () => {
  const result = await sweep({
    args: ['--yes'],
    again: ['--yes', '--data', 'keep'], // there is a database now, and it has to be said what becomes of it
    sample: { changes: 5, reads: 2 },
    given: async (d) => d.writeEnv(ENV),
  });
  console.log(summary('install', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
  expect(result.needsPerson).toEqual([]);
}, 7_200_000);
