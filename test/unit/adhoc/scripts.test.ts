import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Script } from '../../../lib/runs/command-line/script.ts';
import { PASSWORD, runAdhoc } from '../../support/adhoc-world.ts';
import { takeViolations } from '../../support/scripted-spawn.ts';

// What they show on a real stack, in faults that are made for them: test/e2e/adhoc.e2e.test.ts.
afterEach(() => expect(takeViolations()).toEqual([]));

const DIR = path.join(import.meta.dirname, '../../../scripts/adhoc');
const FILES = readdirSync(DIR);
const nameOf = (file: string) => file.replace(/\.ts$/, '');
const load = async (file: string) =>
  ((await import(`../../../scripts/adhoc/${nameOf(file)}.ts`)) as { default: Script }).default;

it.each(FILES)('%s: at most 12 lines after its imports, of 120 columns, which can be started', (file) => {
  const lines = readFileSync(path.join(DIR, file), 'utf8').trimEnd().split('\n');
  const code = lines.filter((line) => line.trim() !== '' && !/^(#!|import )/.test(line));
  expect(code.length).toBeLessThanOrEqual(12);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(120);
  expect(lines[0]).toBe('#!/usr/bin/env -S npx tsx');
  expect(statSync(path.join(DIR, file)).mode & 0o111).toBe(0o111);
});

it.each(FILES)('%s: only looks, is called as its file, and imports the public API alone', async (file) => {
  const script = await load(file);
  expect(script).toMatchObject({ name: nameOf(file), onlyLooks: true });
  const imports = readFileSync(path.join(DIR, file), 'utf8').matchAll(/^import .* from '(.*)';$/gm);
  expect([...imports].map(([, from]) => from)).toEqual(['../../lib/index.ts']);
});

it.each(FILES)('%s: ends well or says why, whatever is down, and shows no secret', async (file) => {
  const script = await load(file);
  for (const state of ['missing', 'restarting', 'exited', 'running']) {
    const states = state === 'missing' ? {} : { postgres: state, redis: state, whalefall: state };
    for (const argv of [[], ['--json'], ['--lang', 'zh']]) {
      const { exitCode, stdout, stderr } = await runAdhoc(script, {
        argv,
        states,
        answer: () => ({ exitCode: 1, stderr: `it is ${PASSWORD}` }),
      });
      const text = stdout + stderr;
      expect([0, 1, 3], text).toContain(exitCode);
      expect(text).not.toContain(PASSWORD);
      expect(text).not.toMatch(/itself failed|自身出错|bug in whalefall-ops/);
    }
  }
});
