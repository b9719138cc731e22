import { expect, it } from 'vitest';
import { same } from '../../../../lib/core/text.ts';
import { confirmDestructive, type DestructiveRequest, isConsent } from '../../../../lib/domain/data/consent.ts';
import { testOps } from '../../../support/ops.ts';

const volume = { name: 'shop_postgres_data', createdAt: '2026-01-02T03:04:05Z', holder: 'pg-id' };
const request: DestructiveRequest = {
  title: { en: 'ALL DATA will be deleted:', zh: '全部数据将被删除:' },
  phrase: 'DELETE ALL DATA',
  volumes: [volume],
  losses: [[{ en: 'tables', zh: '表数量' }, same('42')]],
};
const typing = (text: string | undefined) => testOps(() => undefined, { answers: { askPhrase: async () => text } });

it('accepts the phrase exactly, and journals what was consented to', async () => {
  const ops = typing('DELETE ALL DATA');
  const consent = await confirmDestructive(ops, request);
  expect(isConsent(consent)).toBe(true);
  expect(ops.written).toEqual([{ event: 'consent', things: ['shop_postgres_data 2026-01-02T03:04:05Z'] }]);
});

it.each(['delete all data', 'DELETE ALL DATA ', ' DELETE ALL DATA', 'DELETE  ALL DATA', 'DELETE ALL', 'y', 'yes', ''])(
  'declines %j with exit code 4',
  async (text) => {
    await expect(confirmDestructive(typing(text), request)).rejects.toMatchObject({ kind: 'declined', exitCode: 4 });
  },
);

it('declines at end of input and without a terminal', async () => {
  await expect(confirmDestructive(typing(undefined), request)).rejects.toMatchObject({ exitCode: 4 });
});

it('takes the phrase of --confirm instead of typing, and no other', async () => {
  expect(isConsent(await confirmDestructive(typing(undefined), request, 'DELETE ALL DATA'))).toBe(true);
  await expect(confirmDestructive(typing('DELETE ALL DATA'), request, 'yes')).rejects.toMatchObject({ exitCode: 4 });
});

it('names every volume and every loss before it asks', async () => {
  const ops = typing('no');
  await confirmDestructive(ops, request).catch(() => undefined);
  expect(ops.shown).toMatchObject([
    { event: 'warning', text: request.title },
    {
      event: 'table',
      rows: [
        [{ en: 'volume' }, same('shop_postgres_data (2026-01-02T03:04:05Z)')],
        [{ en: 'tables' }, same('42')],
      ],
    },
  ]);
});

const world = (createdAt: string, holderHas: string) =>
  testOps(
    ({ argv }) => {
      if (argv[1] === 'volume') return { stdout: JSON.stringify([{ CreatedAt: createdAt, Driver: 'local' }]) };
      if (argv[1] === 'inspect' && argv.at(-1) === 'pg-id') {
        return { stdout: JSON.stringify([{ Type: 'volume', Name: holderHas }]) };
      }
      return undefined;
    },
    { answers: { askPhrase: async () => 'DELETE ALL DATA' } },
  );

it('covers the volume that was shown, also when the engine reports another time for it', async () => {
  const ops = world('2026-01-02T09:09:09Z', volume.name);
  const consent = await confirmDestructive(ops, request);
  await expect(consent.check(ops, volume)).resolves.toBeUndefined();
});

it('does not cover a later volume of the same name, nor another one', async () => {
  const ops = world('2026-01-02T09:09:09Z', 'something-else');
  const consent = await confirmDestructive(ops, request);
  await expect(consent.check(ops, volume)).rejects.toMatchObject({ kind: 'precondition' });
  await expect(consent.check(ops, { name: 'other' })).rejects.toMatchObject({ kind: 'precondition' });
});

it('can not be made by hand', () => {
  expect(isConsent({ check: () => undefined })).toBe(false);
});
