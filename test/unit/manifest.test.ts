import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { listBackups, readDatabaseManifest, readManifest, writeManifest } from '../../lib/postgres/manifest.ts';
import { testOps } from '../support/ops.ts';
import { storedBackup } from './backup.fakes.ts';

const ops = () => testOps(() => undefined);

it('comes back as it was written, readable by its owner only', async () => {
  const { dir, manifest } = await storedBackup(ops());
  expect(readManifest(dir)).toEqual(manifest);
  expect(statSync(path.join(dir, 'manifest.json')).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8'))).toMatchObject({
    version: 1,
    kind: 'database',
  });
});

it('shows a changed byte and a cut, wherever it is', async () => {
  const { dir } = await storedBackup(ops());
  const file = path.join(dir, 'manifest.json');
  const good = readFileSync(file);
  for (let at = 0; at < good.length; at += 13) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] as number) ^ (1 << (at % 8));
    writeFileSync(file, bad);
    expect(() => readManifest(dir), `byte ${at}`).toThrow(/can't be used/);
  }
  for (let length = 0; length < good.length; length += 41) {
    writeFileSync(file, good.subarray(0, length));
    expect(() => readManifest(dir), `cut at ${length}`).toThrow(/can't be used/);
  }
});

it('is of no use in another directory, without its file, with unknown fields, or of another version', async () => {
  const { dir, manifest } = await storedBackup(ops());
  const elsewhere = path.join(path.dirname(dir), '20200101T000000Z-other');
  renameSync(dir, elsewhere);
  expect(() => readManifest(elsewhere)).toThrow(/belongs to 20260102T030405Z-whalefall/);
  expect(() => readManifest(dir)).toThrow(/no readable manifest/);
  await expect(writeManifest(elsewhere, { ...manifest, extra: 1 } as never)).rejects.toThrow(/extra/);
  await expect(writeManifest(elsewhere, { ...manifest, version: 2 } as never)).rejects.toThrow();
  const files = { ...manifest.files, dump: { ...manifest.files.dump, name: '../../etc/passwd' } };
  await expect(writeManifest(elsewhere, { ...manifest, files })).rejects.toThrow();
});

it('says so when it is not of a database', async () => {
  const o = ops();
  const { manifest } = await storedBackup(o);
  const dir = path.join(o.paths.backups, 'cold');
  mkdirSync(dir);
  const {
    server: _1,
    user: _2,
    database: _3,
    databaseBytes: _4,
    tableBytes: _5,
    contents: _6,
    leavesOut: _7,
    ...common
  } = manifest;
  const files = { archive: manifest.files.dump };
  await writeManifest(dir, { ...common, kind: 'volume', id: 'cold', mountPoint: '/data', entries: 1, files });
  expect(() => readDatabaseManifest(dir)).toThrow(/not of a database/);
});

it('lists the newest first, leaves out what is not complete, and names what is damaged', async () => {
  const o = ops();
  await storedBackup(o, { id: 'a', createdAt: '2026-01-01T00:00:00Z' });
  await storedBackup(o, { id: 'b', createdAt: '2026-01-02T00:00:00Z' });
  mkdirSync(path.join(o.paths.backups, 'c.partial'));
  mkdirSync(path.join(o.paths.backups, 'd'));
  writeFileSync(path.join(o.paths.backups, 'note.txt'), '');
  const { stored, damaged } = listBackups(o.paths.backups);
  expect(stored.map((s) => s.manifest.id)).toEqual(['b', 'a']);
  expect(damaged.map((d) => path.basename(d.dir))).toEqual(['d']);
});
