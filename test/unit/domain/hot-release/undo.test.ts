import { expect, it } from 'vitest';
import type { HotRelease } from '../../../../lib/domain/hot-release/hot-release.ts';
import { advice } from '../../../../lib/domain/hot-release/undo.ts';

const [MARKED, PROVED] = ['a'.repeat(40), 'b'.repeat(40)];

it.each([
  [true, PROVED],
  [false, MARKED],
])('leads to what was proved, also where a killed run has marked its own release: %s', (ofKilled, to) => {
  const running = { commit: MARKED, released: PROVED };
  const update = {
    target: { dir: '/srv/app' },
    facts: { app: { id: 'c'.repeat(64) }, running },
    staging: { saved: '/app/.whalefall-staging/run/old' },
    switching: true,
    kept: { there: [], absent: [], ofKilled },
  } as unknown as HotRelease;
  expect(
    advice(update)
      .map(({ en }) => en)
      .join('\n'),
  ).toContain(`rollback-prod.ts ${to.slice(0, 10)} --way image`);
});
