import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { mountedFile } from '../../../../lib/flows/doctor/gather.ts';

it('tells of a mounted file whether the container still has it, and nothing of one that this user can not look at', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-mounted-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = path.join(dir, 'site.conf');
  writeFileSync(file, 'a site');
  mkdirSync(path.join(dir, 'tls'));
  // By root, too, for whom there is no EACCES: what lies there is not known either.
  symlinkSync(path.join(dir, 'turns'), path.join(dir, 'turns'));
  const { ino } = statSync(file);
  const stateOf = (source: string, inode: number | null) =>
    mountedFile(path.join(dir, source), { path: '/in', inode }).map(({ state }) => state);
  expect(stateOf('site.conf', ino)).toEqual(['same']);
  expect(stateOf('site.conf', ino + 1)).toEqual(['old']);
  expect(stateOf('tls', null)).toEqual(['same']);
  expect(stateOf('absent', ino)).toEqual(['gone']);
  expect(stateOf('turns/key.pem', ino)).toEqual([]);
});
