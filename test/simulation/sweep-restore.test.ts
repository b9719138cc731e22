import { restoreAgain } from './model/invariants-restore.ts';
import { itSurvives } from './model/it-survives.ts';
import { RESTORE, restorable, YES } from './model/restorable.ts';

itSurvives('whatever command of a restore goes wrong, one database or the other is in use, and nobody stands still', {
  name: 'restore',
  args: YES,
  script: RESTORE,
  check: restoreAgain,
  sample: { changes: 5, reads: 1 },
  given: restorable,
});
