import { expect, it } from 'vitest';
import { conclude } from '../../../../lib/domain/hot-release/conclude.ts';
import type { UpdateOptions } from '../../../../lib/domain/hot-release/options.ts';
import { planUpdate } from '../../../../lib/domain/hot-release/plan.ts';
import { begin } from '../../../../lib/domain/hot-release/steps.ts';
import { testOps } from '../../../support/ops.ts';
import { updateFacts } from '../../../support/update-facts.ts';

const options: UpdateOptions = {
  ref: 'origin/main',
  direction: 'forward',
  restart: 'auto',
  backup: 'auto',
  soakMs: 10_000,
  discardLocal: true,
  syncSite: false,
  bake: false,
  hold: { wanted: true, atMost: 60 },
};

it.each(['forward', 'back'] as const)(
  'says how local changes are got back that were put aside, going %s',
  (direction) => {
    const ops = testOps(() => ({}));
    const facts = updateFacts();
    const plan = planUpdate(ops.target, facts, { ...options, direction });
    if (!plan) throw new Error('there is nothing to do');
    const { run } = begin(ops, facts, plan, { ...options, direction });
    const getBack = ['git -C /srv cherry-pick --no-commit refs/kept', 'git -C /srv restore --source=refs/kept -- PATH'];
    run.savedLocal = { ref: 'refs/kept', commit: 'c', kept: { files: 'f', staged: undefined }, getBack };
    const proven = { health: { healthy: true, checks: [] }, workers: [], besides: [] };
    conclude(ops, run, { proven, settled: { imageId: undefined, notBuilt: undefined, left: [] }, noticed: undefined });
    const said = ops.shown.flatMap((e) => (e.event === 'info' ? [e.text] : []));
    for (const language of ['en', 'zh'] as const)
      expect(said.map((text) => text[language]).join('\n')).toContain(`:\n  ${getBack.join('\n  ')}`);
  },
);
