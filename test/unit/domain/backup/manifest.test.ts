import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  listBackups,
  readDatabaseManifest,
  readManifest,
  writeManifest,
} from '../../../../lib/domain/backup/manifest.ts';
import { testOps } from '../../../support/ops.ts';
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

// Whoever can write there can also write its checksum.
it.each<[string, unknown]>([
  ['imageId', '--privileged'],
  ['imageId', '-v/:/host'],
  ['imageId', 'x\n'],
  ['run', '../../x'],
  ['run', '--all'],
  ['id', '..'],
  ['volume', { name: '--force', createdAt: '' }],
  ['volume', { name: '/', createdAt: '' }],
])('takes no %s that is an option or leads elsewhere: %j', async (field, value) => {
  const { dir, manifest } = await storedBackup(ops());
  const json = JSON.stringify({ ...manifest, [field]: value }, null, 2);
  const sha256 = createHash('sha256').update(json).digest('hex');
  writeFileSync(path.join(dir, 'manifest.json'), `${json.slice(0, -2)},\n  "sha256": "${sha256}"\n}\n`);
  expect(() => readManifest(dir)).toThrow(expect.objectContaining({ message: expect.stringContaining(`at ${field}`) }));
});

it.each(['../x', '..', '-x', '/etc/passwd', 'a/b', 'a\0', ''])('takes no file %j', async (name) => {
  const { dir, manifest } = await storedBackup(ops());
  const files = { ...manifest.files, dump: { ...manifest.files.dump, name } };
  await expect(writeManifest(dir, { ...manifest, files })).rejects.toThrow();
});

it('never throws anything but its refusal, whatever lies there', async () => {
  const { dir } = await storedBackup(ops());
  const file = path.join(dir, 'manifest.json');
  const good = JSON.parse(readFileSync(file, 'utf8')) as object;
  const other = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .tuple(fc.constantFrom(...Object.keys(good)), fc.jsonValue())
      .map(([k, v]) => JSON.stringify({ ...good, [k]: v })),
  );
  fc.assert(
    fc.property(other, (text) => {
      writeFileSync(file, text);
      expect(() => readManifest(dir)).toThrow(expect.objectContaining({ name: 'OpsError', kind: 'precondition' }));
    }),
  );
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
