import { expect, it } from 'vitest';
import type { HotRelease } from '../../../../lib/domain/hot-release/hot-release.ts';
import { advice } from '../../../../lib/domain/hot-release/undo.ts';

const [MARKED, PROVED] = ['a'.repeat(40), 'b'.repeat(40)];

it('leads to what was proved, not to what a killed run has put in place', () => {
  const update = {
    target: { dir: '/srv/app' },
    facts: { app: { id: 'c'.repeat(64) }, running: { commit: MARKED, proved: { commit: PROVED, subject: 'Proved' } } },
    staging: { saved: '/app/.whalefall-staging/run/old' },
    switching: true,
  } as unknown as HotRelease;
  expect(
    advice(update)
      .map(({ en }) => en)
      .join('\n'),
  ).toContain(`rollback-prod.ts ${PROVED.slice(0, 10)} --way image`);
});
