import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readReleases, writeRelease } from '../../../../lib/domain/ledger/releases.ts';

it('reads what was proved of a release in both languages, and as earlier versions wrote it: in English alone', () => {
  const state = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-releases-'));
  onTestFinished(() => rmSync(state, { recursive: true, force: true }));
  const paths = { backups: path.join(state, 'backups') };
  mkdirSync(paths.backups);
  const base = {
    at: '2026-01-02T03:04:05.000Z',
    kind: 'hot',
    commit: 'a'.repeat(40),
    subject: 's',
    run: 'run',
  } as const;
  const earlier = { ...base, imageId: `sha256:${'b'.repeat(64)}`, verdict: 'proved' };
  writeFileSync(path.join(state, 'releases'), `${JSON.stringify(earlier)}\n`);
  writeRelease(paths, { ...earlier, verdict: { en: 'proved', zh: '已验证' } });
  writeRelease(paths, { ...earlier, verdict: undefined });
  expect(readReleases(paths).map((release) => release.verdict)).toEqual([
    { en: 'proved', zh: 'proved' },
    { en: 'proved', zh: '已验证' },
    undefined,
  ]);
});
