import { production } from './model/deployment.ts';
import { itSurvives } from './model/it-survives.ts';

itSurvives('whatever command goes wrong in a rebuild with deletion, nothing is lost', {
  name: 'delete',
  args: ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'],
  sample: { changes: 7, reads: 2 },
  given: production,
});
