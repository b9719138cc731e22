import { expect, it, vi } from 'vitest';
import { updateAndCheck } from './model/invariants-update.ts';
import { NEW_REVISION } from './model/release.ts';
import { updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 30_000 });

it('x', async () => {
  const d = await updatable({ head: NEW_REVISION });
  const t = Date.now();
  const ended = await updateAndCheck(d, ['--yes']);
  console.log(Date.now() - t);
  expect(ended.exitCode).toBe(0);
});
