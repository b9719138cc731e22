import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SENTINELS } from '../sandbox/env-file.ts';
import { runScript } from '../support/run-script.ts';
import { briefly, Examined } from './doctor/examined.ts';
import { MORE, USUAL } from './doctor/faults.ts';
import { leaksBelow, leaksIn } from './secrets/leaks.ts';
import { sharedStack } from './shared.ts';
import { itInFull, some, thorough } from './thorough.ts';
import type { Stack } from './update/stack.ts';

// Each fault is made on a real stack, and has to be named first, and alone; then it is put back.
let stack: Stack;
let examined: Examined;

beforeAll(async () => {
  stack = await sharedStack();
  examined = new Examined(stack);
  if (thorough) await keptWell();
});
afterAll(() => stack?.patience());

/** A backup, and a copy of it elsewhere. */
async function keptWell(): Promise<void> {
  const elsewhere = mkdtempSync(path.join(os.tmpdir(), 'wfops-elsewhere-'));
  const at = ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes'];
  try {
    const recipient = await identityToRecipient(await generateX25519Identity());
    for (const args of [['create'], ['export', 'latest', '--encrypt-to', recipient, '--to', elsewhere]]) {
      const ended = await runScript('backup-prod', [...args, ...at]);
      if (ended.exitCode !== 0) throw new Error(ended.text);
    }
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}

it('finds nothing on a sound stack', async () => {
  expect(briefly(await examined.found())).toEqual([]);
  const quiet = await examined.doctor(['--quiet', '--only', 'database.*,redis.*,nginx.*']);
  expect([quiet.exitCode, quiet.text]).toEqual([0, '']);
});

// One of each area; `E2E=full` makes all of them.
for (const fault of some(USUAL, 0, 6)) it(`${fault.name}: ${fault.finds}`, () => examined.isNamedFirst(fault));
for (const fault of MORE) itInFull(`${fault.name}: ${fault.finds}`, () => examined.isNamedFirst(fault));

itInFull('is sound again', async () => {
  await stack.settled();
  expect(briefly(await examined.found())).toEqual([]);
});

it('works without an engine, which is what it finds', async () => {
  const text = await runScript('doctor', ['--dir', stack.sandbox.deployDir, '--config', stack.config], {
    env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
  });
  expect(text.exitCode).toBe(1);
  expect(text.text.split('\n')[0]).toBe('✗ engine.answers');
});

it('starts what was stopped, when it is told to', async () => {
  stack.inApp(['supervisorctl', 'stop', 'whalefall_scheduler']);
  const fixed = await examined.doctor(['--fix', '--yes', '--only', 'supervisor.programs']);
  expect(fixed.text).toMatch(/✗ supervisor\.programs\n[\s\S]*Afterwards\n✓ 1 well/);
  expect(fixed.exitCode).toBe(0);
});

it('packs what may be sent, without a secret in it', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wfops-bundle-'));
  try {
    const file = path.join(dir, 'doctor.tar.gz');
    const packed = await examined.doctor(['--bundle', file, '--yes']);
    expect(packed.exitCode, packed.text).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    execFileSync('tar', ['-xzf', file, '-C', dir]);
    expect(leaksBelow(path.join(dir, 'bundle'), SENTINELS)).toEqual([]);
    const names = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' });
    for (const name of ['MANIFEST.txt', 'findings.json', 'compose.json', 'logs/app.log', 'logs/app-files.log'])
      expect(names).toContain(`bundle/${name}\n`);
    expect(names).toMatch(/bundle\/runs\/[\w-]+\/journal\n/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it('never shows a secret', () => {
  expect(examined.outputs.flatMap((text, at) => leaksIn(`output ${at}`, text, SENTINELS))).toEqual([]);
});
