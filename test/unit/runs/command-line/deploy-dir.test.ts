import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { World } from '../../../../lib/core/world.ts';
import { loadTarget, makeState, stateDir, typedBefore } from '../../../../lib/runs/command-line/deploy-dir.ts';

function directory(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

const world = (cwd: string, env: Record<string, string> = {}) => ({ cwd, env }) as unknown as World;

it('names directory and configuration in front of a command unless they are what it means anyway', () => {
  const dir = directory();
  const config = path.join(dir, 'a target.json');
  writeFileSync(config, '{}');
  const before = (parsed: Record<string, string>, w: World) => typedBefore(parsed, loadTarget(parsed, w), w);
  expect(before({}, world(dir))).toBe('');
  expect(before({ dir }, world('/'))).toBe(`WHALEFALL_DIR=${dir} `);
  const both = `WHALEFALL_DIR=${dir} WHALEFALL_CONFIG='${config}' `;
  expect(before({ dir, config }, world('/'))).toBe(both);
  expect(before({}, world('/', { WHALEFALL_DIR: dir, WHALEFALL_CONFIG: config }))).toBe(both);
  expect(before({ config: 'a target.json' }, world(dir))).toBe(`WHALEFALL_CONFIG='${config}' `);
});

it('hides its state from git, and writes that once', () => {
  const target = loadTarget({}, world(directory()));
  const ignored = path.join(makeState(target).state, '.gitignore');
  expect(readFileSync(ignored, 'utf8')).toBe('*\n');
  const written = statSync(ignored).mtimeMs;
  makeState(target);
  expect(statSync(ignored).mtimeMs).toBe(written);
  writeFileSync(ignored, '');
  makeState(target);
  expect(readFileSync(ignored, 'utf8')).toBe('*\n');
});

it('has one state, whichever way its directory is spelled, and the name of compose’s project from how it is', () => {
  const dir = directory();
  const link = path.join(directory(), 'shop');
  symlinkSync(dir, link);
  const spelled = [dir, `${dir}/`, `${dir}/.`, link, `${link}/`].map((by) => loadTarget({ dir: by }, world('/')));
  expect(new Set(spelled.map(stateDir))).toEqual(new Set([path.join(realpathSync(dir), '.whalefall-ops')]));
  expect(spelled.map((target) => target.dir)).toEqual([dir, dir, dir, link, link]);
});

it('tells how far a path exists that does not, and who named it', () => {
  const dir = directory();
  const gone = path.join(dir, 'srv', 'whalefall');
  const error = (by: string) => `no such directory: ${gone} (${by}); ${dir} exists`;
  expect(() => loadTarget({ dir: gone }, world(dir))).toThrow(error('--dir'));
  expect(() => loadTarget({}, world(dir, { WHALEFALL_DIR: gone }))).toThrow(error('WHALEFALL_DIR'));
});
