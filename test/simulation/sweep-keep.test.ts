import { production } from './model/deployment.ts';
import { keepsData } from './model/invariants.ts';
import { itSurvives } from './model/it-survives.ts';

itSurvives('whatever command goes wrong in a rebuild with data kept, nothing is lost', {
  name: 'keep',
  args: ['--yes', '--data', 'keep'],
  kept: keepsData,
  sample: { changes: 4, reads: 2 },
  given: production,
});
