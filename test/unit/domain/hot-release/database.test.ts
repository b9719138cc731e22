import { expect, it } from 'vitest';
import type { VerifiedBackup } from '../../../../lib/domain/backup/proofs.ts';
import type { Checked } from '../../../../lib/domain/hot-release/check.ts';
import { planUpdate } from '../../../../lib/domain/hot-release/plan.ts';
import { begin } from '../../../../lib/domain/hot-release/steps.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import { options, updateFacts } from '../../../support/update-facts.ts';

/** A backup's step that comes after the check found a migration of which no file told. */
function surprised(ops: TestOps, more: Parameters<typeof updateFacts>[0] = {}) {
  const [facts, chosen] = [updateFacts(more), { ...options, backup: 'always' as const }];
  const plan = planUpdate(ops.target, facts, chosen);
  if (plan === undefined) throw new Error('nothing to do');
  const { run, steps } = begin(ops, facts, plan, chosen);
  return { run, take: async () => steps.backup?.run(ops, { schema: 'behind' } as Checked) };
}

it('refuses a stamp that is too low before it waits for anybody, or for a backup', async () => {
  const { take } = surprised(
    testOps(() => ({})),
    { schema: { kind: 'versioned', revision: '1', looksLike: '2' } },
  );
  await expect(take()).rejects.toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringContaining('stamped 1') },
  });
});

it('looks for what would block a migration that no file told of only when its own dump is over', async () => {
  const seen: string[] = [];
  const ops = testOps(({ input }) => {
    if (input.includes('pg_locks')) seen.push('looked');
    return {};
  });
  const { run, take } = surprised(ops);
  const backup = (async () => {
    await ops.clock.sleep(1000);
    seen.push('dumped');
    return { dir: '/backup' } as VerifiedBackup;
  })();
  run.ahead = { backup, upgrade: undefined, stop: async () => undefined };
  await take();
  expect(seen).toEqual(['dumped', 'looked']);
  expect(run.backup?.dir).toBe('/backup');
});
