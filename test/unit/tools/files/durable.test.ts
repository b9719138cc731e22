import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeAtomically } from '../../../../lib/tools/files/durable.ts';

function directory(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-durable-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

it('writes a file for its owner alone, or as it is told', async () => {
  const file = path.join(directory(), 'file');
  await writeAtomically(file, 'text');
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['text', 0o600]);
  await writeAtomically(file, 'other', { mode: 0o644 });
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['other', 0o644]);
});

it('leaves nothing beside the file when it fails', async () => {
  const dir = directory();
  const file = path.join(dir, 'file');
  mkdirSync(file);
  await expect(writeAtomically(file, 'a secret')).rejects.toThrow();
  expect(readdirSync(dir)).toEqual(['file']);
  rmdirSync(file);
  await writeAtomically(file, 'a secret');
  expect(readdirSync(dir)).toEqual(['file']);
});
