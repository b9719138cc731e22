import { expect, it } from 'vitest';
import { hasDrifted, layerOf } from '../../../../lib/domain/images/drift.ts';
import type { Mount } from '../../../../lib/tools/docker/places.ts';
import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

const MOUNTS: readonly Mount[] = [
  { kind: 'own', source: '', target: '/app/media' },
  { kind: 'bind', source: '/srv/shop/site.toml', target: '/app/config/local/site.toml' },
];
async function drifts(...diff: string[]): Promise<boolean> {
  const ops = testOps(() => ({ stdout: `${['C /app', 'A /app/.env', 'A /app/userdata', ...diff].join('\n')}\n` }));
  const app = container('app', { mounts: MOUNTS });
  return hasDrifted(ops, app, await layerOf(ops, app));
}

it('does not take what the engine makes to mount something there for a hot update', async () => {
  const made = ['A /app/media', 'A /app/config', 'A /app/config/local', 'A /app/config/local/site.toml'];
  expect(await drifts(...made)).toBe(false);
  expect(await drifts(...made, 'A /app/config/local/other.toml')).toBe(true);
  expect(await drifts(...made, 'C /app/wsgi.py')).toBe(true);
});
