import { expect, it } from 'vitest';
import { type BackFacts, backRequest } from '../../../../lib/flows/upgrade-postgres/back.ts';
import { testOps } from '../../../support/ops.ts';
import { storedBackup } from '../../domain/backup/backup.fakes.ts';

const side = (major: string) => ({ major, volume: `data-${major}`, systemIdentifier: major });

async function lossesOf(rows: BackFacts['rows'], backup?: string) {
  const { dir } = await storedBackup(testOps(() => undefined));
  const upgrade = { at: '2026-01-02T03:04:05Z', from: side('15'), to: side('18'), backup: backup ?? dir };
  return backRequest({ upgrade, rows } as BackFacts).losses.map(([what, value]) => `${what.en}: ${value.en}`);
}

it('says of how many tables more what was written since is no longer in use', async () => {
  const rows = Array.from({ length: 20 }, (_, n) => ({ schema: 'public', name: `new${n}`, rows: 5, exact: true }));
  const losses = await lossesOf(rows);
  expect(losses[0]).toBe('rows in public.new0: 5 → -');
  expect(losses.at(-1), 'one is of the backup alone').toBe('more tables: 9');
});

it('says when nothing can be compared', async () => {
  expect(await lossesOf([], '/nowhere')).toEqual(['rows: can’t be compared: that backup is gone']);
  expect(await lossesOf(undefined)).toEqual(['rows now: the new server does not tell']);
});
