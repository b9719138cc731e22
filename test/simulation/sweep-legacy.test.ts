import { openToStrangers, production } from './model/deployment.ts';
import { keepsData } from './model/invariants.ts';
import { itSurvives } from './model/it-survives.ts';
import { NEW_REVISION, release } from './model/release.ts';

itSurvives(
  'whatever command goes wrong in a rebuild with a pending migration, on a database that the former script left open, nothing is lost',
  {
    name: 'legacy',
    args: ['--yes', '--data', 'keep'],
    kept: keepsData,
    sample: { changes: 4, reads: 2, first: 'dies-after' },
    given: async (d) => {
      await production(d);
      openToStrangers(d);
      d.machine.release = release('new', { head: NEW_REVISION });
    },
  },
);
