import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';

const MARKER = '.whalefall-release.json';

/** What two killed runs have left, one of them without its mark, and a file of nobody's. */
function left(): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'sweep-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const staging = path.join(root, '.whalefall-staging');
  for (const [run, below] of [
    ['one', `new/${MARKER}`],
    ['one', `old/app/${MARKER}`],
    ['one', MARKER],
    ['one', 'log-canary'],
    ['two', 'new/a.py'],
  ] as const) {
    const file = path.join(staging, run, below);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '');
  }
  for (const file of ['wsgi.py', '.whalefall-staging/stray']) writeFileSync(path.join(root, file), '');
  return staging;
}

function sweep(staging: string, kept: readonly string[]): { removed: boolean } {
  const input = sourceOf('sweep', { staging, kept });
  return JSON.parse(execFileSync('python3', ['-'], { input, encoding: 'utf8' }));
}

it('leaves of what killed runs staged nothing but what each was to bring, and to go back to', () => {
  const staging = left();
  for (const _ of ['', 'again']) {
    expect(sweep(staging, [MARKER, 'old']).removed).toBe(true);
    const old = ['one/old', 'one/old/app', `one/old/app/${MARKER}`];
    expect(readdirSync(staging, { recursive: true }).sort()).toEqual(['one', `one/${MARKER}`, ...old, 'two']);
  }
});

it('removes what one run staged, and the directory with the last of them', () => {
  const staging = left();
  expect(sweep(path.join(staging, 'one'), []).removed).toBe(true);
  expect(readdirSync(staging).sort()).toEqual(['stray', 'two']);
  expect(sweep(staging, []).removed).toBe(true);
  expect(existsSync(staging)).toBe(false);
  expect(sweep(staging, []).removed).toBe(true);
});
