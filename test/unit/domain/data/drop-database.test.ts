import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { DatabaseManifest, Stored } from '../../../../lib/domain/backup/manifest.ts';
import { confirmDestructive } from '../../../../lib/domain/data/consent.ts';
import { dropLeftDatabase, proveSuperseded } from '../../../../lib/domain/data/drop-database.ts';
import { leftBy } from '../../../../lib/domain/data/left-databases.ts';
import { testOps } from '../../../support/ops.ts';
import { DB, storedBackup } from '../backup/backup.fakes.ts';

const NAME = 'whalefall_before_20260102t030405z';
const LEFT = { name: NAME, oid: 1, bytes: 1, kind: 'before', since: '2026-01-02T03:04:05Z' } as const;
const SERVER = { ...DB, name: 'template1' };

const world = () => testOps(({ argv }) => (argv.includes('psql') ? {} : undefined));

/** As if it had been taken and proved at that time. */
function taken(
  { dir, manifest }: Stored<DatabaseManifest>,
  createdAt: string,
  level: 'restored' | 'readable' = 'restored',
) {
  return { dir, manifest: { ...manifest, createdAt, verification: { ...manifest.verification, level } } };
}

const consentTo = (ops: ReturnType<typeof world>, ...databases: string[]) =>
  confirmDestructive(ops, { title: { en: '', zh: '' }, phrase: 'DROP', volumes: [], databases, losses: [] }, 'DROP');

it.each([
  ['none at all', []],
  ['one from before', ['2026-01-02T03:04:04.999Z']],
  ['one of the same second', ['2026-01-02T03:04:05.999Z']],
])('takes no backup for newer than what was put aside: %s', async (_what, times) => {
  const ops = world();
  const stored = await storedBackup(ops);
  const backups = times.map((at) => taken(stored, at));
  expect(() => proveSuperseded(LEFT, backups)).toThrow(expect.objectContaining({ kind: 'precondition' }));
});

it('takes no backup that was never restored', async () => {
  const stored = await storedBackup(world());
  expect(() => proveSuperseded(LEFT, [taken(stored, '2026-02-01T00:00:00.000Z', 'readable')])).toThrow();
});

it('needs no backup for what a killed restore left', () => {
  expect(() => proveSuperseded({ ...LEFT, kind: 'restoring' }, [])).not.toThrow();
});

it('drops what was consented to, without forcing anybody out', async () => {
  const ops = world();
  const proof = proveSuperseded({ ...LEFT, kind: 'restoring' }, []);
  await dropLeftDatabase(ops, SERVER, NAME, { consent: await consentTo(ops, NAME), superseded: proof });
  expect(ops.scripted.calls.map((c) => c.input).join()).toContain(`DROP DATABASE "${NAME}";`);
});

it('drops nothing that the consent does not name, or that the proof is not for', async () => {
  const ops = world();
  const proof = proveSuperseded({ ...LEFT, kind: 'restoring' }, []);
  const drop = async (name: string, ...consented: string[]) =>
    dropLeftDatabase(ops, SERVER, name, { consent: await consentTo(ops, ...consented), superseded: proof });
  await expect(drop(NAME, 'whalefall')).rejects.toMatchObject({ kind: 'precondition' });
  await expect(drop('whalefall', 'whalefall')).rejects.toMatchObject({ kind: 'precondition' });
  await expect(drop(NAME)).rejects.toMatchObject({ kind: 'precondition' });
  expect(ops.scripted.calls).toEqual([]);
});

it('drops nothing once the newer backup is not what it was', async () => {
  const ops = world();
  const verification = { level: 'restored', at: '2026-01-02T03:04:05.000Z', milliseconds: 1 } as const;
  const stored = await storedBackup(ops, { verification });
  const { createdAt } = stored.manifest;
  const left = { ...LEFT, since: new Date(Date.parse(createdAt) - 5_000).toISOString() };
  const proof = proveSuperseded(left, [stored]);
  writeFileSync(path.join(stored.dir, 'database.dump'), 'another');
  await expect(
    dropLeftDatabase(ops, SERVER, NAME, { consent: await consentTo(ops, NAME), superseded: proof }),
  ).rejects.toMatchObject({
    kind: 'precondition',
  });
  expect(ops.scripted.calls).toEqual([]);
});

it('finds what restores of a database left, and of no other', () => {
  const long = 'x'.repeat(60);
  const of = (name: string, ...names: string[]) =>
    leftBy(
      name,
      names.map((n) => ({ name: n, oid: 1, bytes: 1 })),
    ).map((l) => `${l.kind} ${l.since}`);
  expect(of('shop', 'shop', 'shop_before_20260102t030405z', 'shop_restoring_20260103t000000z')).toEqual([
    'restoring 2026-01-03T00:00:00Z',
    'before 2026-01-02T03:04:05Z',
  ]);
  expect(of('shop', 'shop2_before_20260102t030405z', 'shop_before_lunch', 'workshop_before_20260102t030405z')).toEqual(
    [],
  );
  expect(of(long, `${long.slice(0, 39)}_before_20260102t030405z`)).toEqual(['before 2026-01-02T03:04:05Z']);
});
