import { expect, it } from 'vitest';
import { lookAround } from '../../../../lib/domain/app/inventory.ts';
import { testOps } from '../../../support/ops.ts';

const released = (run: string) => ({ commit: 'a'.repeat(40), run });

const around = (contents: Record<string, string | null>) =>
  lookAround(
    testOps(() => ({ stdout: JSON.stringify({ files: {}, elsewhere: {}, contents }) })),
    'app',
    [],
  );

it('knows what the container says it runs, and what killed runs left', async () => {
  const { marker, cutShort } = await around({
    '/app/.whalefall-release.json': `${JSON.stringify(released('serves'))}\n`,
    '/app/.whalefall-staging': null,
    '/app/.whalefall-staging/one/.whalefall-release.json': JSON.stringify(released('one')),
    '/app/.whalefall-staging/two/.whalefall-release.json': '{"commit": cut off',
  });
  expect(marker).toEqual(released('serves'));
  expect(cutShort).toEqual({ staging: true, releases: [released('one')] });
});

it('knows of an empty staging directory, and of none', async () => {
  expect((await around({ '/app/.whalefall-staging': null })).cutShort).toEqual({ staging: true, releases: [] });
  expect(await around({})).toMatchObject({ marker: undefined, cutShort: { staging: false, releases: [] } });
});
