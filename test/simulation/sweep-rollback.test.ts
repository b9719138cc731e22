import { rollbackProd } from '../../scripts/rollback-prod.ts';
import type { Deployment } from './model/deployment.ts';
import { keepsData } from './model/invariants.ts';
import { hotCheck } from './model/invariants-update.ts';
import { itSurvives } from './model/it-survives.ts';
import { backByImage, rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { UPDATE, updatable } from './model/updatable.ts';

const FORMER = release('old');

/** A newer release with a migration runs, hot on the image of the former. */
async function updated(made: Deployment): Promise<void> {
  await updatable({ head: NEW_REVISION }, { made });
  const ended = await made.run(['--yes', '--soak', '2s'], { script: UPDATE });
  if (ended.exitCode !== 0) throw new Error(ended.text);
}

itSurvives('whatever command goes wrong on the hot way back, one release or the other runs whole', {
  name: 'rollback, hot',
  args: [FORMER.commit, '--yes', '--soak', '2s'],
  script: rollbackProd,
  check: hotCheck((d) => ({ release: FORMER, stamp: d.database?.stamp })),
  sample: { changes: 2, reads: 1, first: 'killed' },
  given: updated,
});

itSurvives('whatever command goes wrong on the way back by image, one release or the other serves with its data', {
  name: 'rollback by image',
  args: [release('one').commit, '--way', 'image', '--yes'],
  script: rollbackProd,
  check: backByImage,
  kept: keepsData,
  sample: { changes: 2, reads: 1, first: 'dies-after' },
  given: rebuilt,
});
