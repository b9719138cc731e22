import { expect, it } from 'vitest';
import type { VerifiedBackup } from '../../../../lib/domain/backup/proofs.ts';
import type { Checked } from '../../../../lib/domain/hot-release/check.ts';
import { planUpdate } from '../../../../lib/domain/hot-release/plan.ts';
import { begin } from '../../../../lib/domain/hot-release/steps.ts';
import { testOps } from '../../../support/ops.ts';
import { options, updateFacts } from '../../../support/update-facts.ts';

it('looks for what would block a migration that no file told of only when its own dump is over', async () => {
  const seen: string[] = [];
  const ops = testOps(({ input }) => {
    if (input.includes('pg_locks')) seen.push('looked');
    return {};
  });
  const [facts, chosen] = [updateFacts(), { ...options, backup: 'always' as const }];
  const plan = planUpdate(ops.target, facts, chosen);
  if (plan === undefined) throw new Error('nothing to do');
  const { run, steps } = begin(ops, facts, plan, chosen);
  const backup = (async () => {
    await ops.clock.sleep(1000);
    seen.push('dumped');
    return { dir: '/backup' } as VerifiedBackup;
  })();
  run.ahead = { backup, upgrade: undefined, stop: async () => undefined };
  await steps.backup?.run(ops, { schema: 'behind' } as Checked);
  expect(seen).toEqual(['dumped', 'looked']);
  expect(run.backup?.dir).toBe('/backup');
});
