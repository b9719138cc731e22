import { expect, it } from 'vitest';
import { openToStrangers, production } from './model/deployment.ts';
import { keepsData } from './model/invariants.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { summary, sweep } from './model/sweep.ts';

it('whatever command goes wrong in a rebuild with a pending migration, on a database that the former script left open, nothing is lost', async () => {
  const result = await sweep({
    args: ['--yes', '--data', 'keep'],
    kept: keepsData,
    sample: { changes: 4, reads: 2 },
    given: async (d) => {
      await production(d);
      openToStrangers(d);
      d.machine.release = release('new', { head: NEW_REVISION });
    },
  });
  console.log(summary('legacy', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
  expect(result.needsPerson).toEqual([]);
}, 7_200_000);
