import type * as fs from 'node:fs';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { mountedFile } from '../../../../lib/flows/doctor/gather.ts';

// Root may look everywhere, and tests often are root's.
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>();
  const look = ((file: string, options: object) => {
    if (!file.includes('/not-for-us/')) return real.statSync(file, options);
    throw Object.assign(new Error(`EACCES: permission denied, stat '${file}'`), { code: 'EACCES' });
  }) as typeof real.statSync;
  return { ...real, statSync: look };
});

it('tells of a mounted file whether the container still has it, and nothing of one behind a directory that is not for this user', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-mounted-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = path.join(dir, 'site.conf');
  writeFileSync(file, 'a site');
  mkdirSync(path.join(dir, 'tls'));
  const { ino } = statSync(file);
  const stateOf = (source: string, inode: number | null) =>
    mountedFile(path.join(dir, source), { path: '/in', inode }).map(({ state }) => state);
  expect(stateOf('site.conf', ino)).toEqual(['same']);
  expect(stateOf('site.conf', ino + 1)).toEqual(['old']);
  expect(stateOf('tls', null)).toEqual(['same']);
  expect(stateOf('absent', ino)).toEqual(['gone']);
  expect(stateOf('not-for-us/key.pem', ino)).toEqual([]);
});
