import { ENV } from './model/deployment.ts';
import { itSurvives } from './model/it-survives.ts';

itSurvives('whatever command goes wrong in a first installation, nothing is lost', {
  name: 'install',
  args: ['--yes'],
  again: ['--yes', '--data', 'keep'], // there is a database now, and it has to be said what becomes of it
  sample: { changes: 5, reads: 2, first: 'interrupted-after' },
  given: async (d) => d.writeEnv(ENV),
});
