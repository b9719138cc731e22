import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBackup, findDatabaseBackup, requireComplete } from '../../../../lib/domain/backup/find.ts';
import { DamagedBackup, type DatabaseManifest } from '../../../../lib/domain/backup/manifest.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import { storedBackup } from './backup.fakes.ts';

const at = '2026-01-02T03:04:05.000Z';
const proved = { level: 'restored', at, milliseconds: 1 } as const;
const failed = { level: 'none', at, milliseconds: 1, failure: { level: 'restored', what: 'a table differs' } } as const;

const taken = (ops: TestOps, day: number, change: Partial<DatabaseManifest> = {}) =>
  storedBackup(ops, {
    id: `2026010${day}T000000Z-whalefall`,
    createdAt: `2026-01-0${day}T00:00:00.000Z`,
    verification: proved,
    ...change,
  });

function unreadable(ops: TestOps, day: number): string {
  const dir = path.join(ops.paths.backups, `2026010${day}T000000Z-whalefall`);
  mkdirSync(dir);
  writeFileSync(path.join(dir, 'manifest.json'), '{"kind":"database"}');
  return dir;
}

const warnings = (ops: TestOps) => ops.shown.filter((e) => e.event === 'warning').map((e) => e.text.en);

describe('latest', () => {
  it('is the newest that is proved, and newer ones that are not are named', async () => {
    const ops = testOps(() => undefined);
    await taken(ops, 1);
    const good = await taken(ops, 2);
    const bad = await taken(ops, 3, { verification: failed });
    const broken = unreadable(ops, 4);
    expect(findBackup(ops, 'latest').dir).toBe(good.dir);
    expect(findDatabaseBackup(ops, 'latest', 'whalefall').dir).toBe(good.dir);
    const [first, second] = warnings(ops);
    expect(first).toBe(second);
    for (const dir of [bad.dir, broken, good.dir]) expect(first).toContain(path.basename(dir));
  });

  it('says nothing where the newest is proved', async () => {
    const ops = testOps(() => undefined);
    await taken(ops, 1, { verification: failed });
    const good = await taken(ops, 2);
    expect(findBackup(ops, 'latest').dir).toBe(good.dir);
    expect(warnings(ops)).toEqual([]);
  });

  it('is the newest of all where none is proved, so that what is wrong with it comes out', async () => {
    const ops = testOps(() => undefined);
    const older = unreadable(ops, 1);
    await taken(ops, 2, { verification: failed });
    const bad = await taken(ops, 3, { verification: failed });
    expect(findBackup(ops, 'latest').dir).toBe(bad.dir);
    rmSync(bad.dir, { recursive: true });
    rmSync(path.join(path.dirname(bad.dir), '20260102T000000Z-whalefall'), { recursive: true });
    expect(() => findBackup(ops, 'latest')).toThrow(DamagedBackup);
    expect(() => findBackup(ops, 'latest')).toThrow(older);
  });

  it('is one of the database that is meant', async () => {
    const ops = testOps(() => undefined);
    const good = await taken(ops, 1);
    const other = await taken(ops, 2, { database: { ...good.manifest.database, name: 'other' } });
    expect(findDatabaseBackup(ops, 'latest', 'whalefall').dir).toBe(good.dir);
    expect(findBackup(ops, 'latest').dir).toBe(other.dir);
    expect(() => findDatabaseBackup(ops, 'latest', 'third')).toThrow(/no backup of third/);
  });
});

it('finds a named one by its name, by a path as seen from the deploy directory, and elsewhere', async () => {
  const ops = testOps(() => undefined);
  const { dir, manifest } = await taken(ops, 1, { verification: failed });
  for (const wanted of [manifest.id, path.relative(ops.target.dir, dir), dir])
    expect(findBackup(ops, wanted).dir).toBe(dir);
  expect(() => findBackup(ops, 'other')).toThrow(/no complete backup other/);
});

it('requires every file in its length', async () => {
  const ops = testOps(() => undefined);
  const stored = await taken(ops, 1);
  requireComplete(stored);
  writeFileSync(path.join(stored.dir, 'database.dump'), 'PGD');
  expect(() => requireComplete(stored)).toThrow(/database.dump has 3 of 5 bytes/);
  rmSync(path.join(stored.dir, 'database.dump'));
  expect(() => requireComplete(stored)).toThrow(/database.dump is missing/);
});
