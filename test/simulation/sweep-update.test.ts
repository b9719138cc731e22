import { expect, it } from 'vitest';
import { updateTwice } from './model/invariants-update.ts';
import { NEW_REVISION } from './model/release.ts';
import { summary, sweep } from './model/sweep.ts';
import { UPDATE, updatable } from './model/updatable.ts';

/** The container dies at whatever changes something, and at what is asked of it meanwhile. */
const dies = ({ isChange, label }: { isChange: boolean; label: string }) =>
  isChange || /^docker exec|^docker inspect/.test(label) ? (['container-dies'] as const) : [];

it('whatever command goes wrong in a hot update with a migration, one release or the other runs whole', async () => {
  const result = await sweep({
    args: ['--yes', '--soak', '2s'],
    script: UPDATE,
    check: updateTwice,
    moreWays: dies,
    given: (made) => updatable({ head: NEW_REVISION }, { made }),
  });
  console.log(summary('update', result));
  expect(result.broken).toEqual([]);
  expect(result.missed).toEqual([]);
  expect(result.needsPerson).toEqual([]);
}, 1_800_000);
