import { expect, it } from 'vitest';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import type { Deployment } from './model/deployment.ts';
import { keepsData } from './model/invariants.ts';
import { hotCheck } from './model/invariants-update.ts';
import { backByImage, rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';
import { summary, sweep } from './model/sweep.ts';
import { UPDATE, updatable } from './model/updatable.ts';

const FORMER = release('old');

/** A newer release with a migration runs, hot on the image of the former. */
async function updated(made: Deployment): Promise<void> {
  await updatable({ head: NEW_REVISION }, { made });
  const ended = await made.run(['--yes', '--soak', '2s'], { script: UPDATE });
  if (ended.exitCode !== 0) throw new Error(ended.text);
}

it('whatever command goes wrong on the hot way back, one release or the other runs whole', async () => {
  const result = await sweep({
    args: [FORMER.commit, '--yes', '--soak', '2s'],
    script: rollbackProd,
    check: hotCheck((d) => ({ release: FORMER, stamp: d.database?.stamp })),
    sample: { changes: 2, reads: 1 },
    given: updated,
  });
  console.log(summary('rollback, hot', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
  expect(result.needsPerson).toEqual([]);
}, 7_200_000);

it('whatever command goes wrong on the way back by image, one release or the other serves with its data', async () => {
  const result = await sweep({
    args: [release('one').commit, '--way', 'image', '--yes'],
    script: rollbackProd,
    check: backByImage,
    kept: keepsData,
    sample: { changes: 2, reads: 1 },
    given: rebuilt,
  });
  console.log(summary('rollback by image', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
  expect(result.needsPerson).toEqual([]);
}, 7_200_000);
