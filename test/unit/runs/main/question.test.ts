import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { agree } from '../../../../lib/core/refusal.ts';
import { same } from '../../../../lib/core/text.ts';
import { confirmDestructive } from '../../../../lib/domain/data/consent.ts';
import type { Action, Script } from '../../../../lib/runs/command-line/script.ts';
import { hasOpen } from '../../../../lib/tools/files/open-files.ts';
import { runAdhoc } from '../../../support/adhoc-world.ts';

/** Who is asked has left the terminal. */
const asked = vi.hoisted(() => ({ now: () => {} }));
vi.mock('../../../../lib/runs/terminal/prompts.ts', () => {
  const nobody = async (_message: string, ...more: unknown[]) => {
    const ends = more.at(-1) as AbortSignal;
    asked.now();
    await new Promise((end) => ends.addEventListener('abort', end));
    return undefined;
  };
  return { phrase: nobody, yes: nobody, choice: nobody };
});
afterEach(() => void vi.useRealTimers());

/** A rebuild that was killed when it had begun to change something. */
function leaveKilled(dir: string): void {
  const run = path.join(dir, '.whalefall-ops', 'runs', '20260101T000000Z-deploy-prod-all');
  mkdirSync(run, { recursive: true });
  const began = { script: 'deploy-prod-all', version: '1', pid: 4_000_000, options: {} };
  const events = [
    { event: 'run-start', ...began },
    { event: 'intent', command: 'docker stop app' },
  ];
  const line = (event: object, i: number) => JSON.stringify({ seq: i + 1, at: '2026-01-01T00:00:00.000Z', ...event });
  writeFileSync(path.join(run, 'journal'), events.map((event, i) => `${line(event, i)}\n`).join(''));
}

const nothing = { volumes: [], containers: [], losses: [] };

it.each<[string, Action['run'], (dir: string) => void]>([
  ['whether to go on', (ops) => agree(ops.screen, same('Go on?')).then(() => same('done')), () => undefined],
  [
    'for a phrase',
    (ops) => confirmDestructive(ops, { title: same('All'), phrase: 'DELETE', ...nothing }).then(() => same('done')),
    () => undefined,
  ],
  ['what to do about a run that was killed', async () => same('done'), leaveKilled],
])('a question that nobody answers ends the run with 4, and frees the lock: %s', async (_what, run, prepare) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-question-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  prepare(dir);
  const holdsLock = () => hasOpen(process.pid, path.join(dir, '.whalefall-ops', 'lock'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const open = new Promise<void>((resolve) => Object.assign(asked, { now: resolve }));
  const script: Script = { name: 'stub', about: same('a stub'), flags: {}, run };
  let over = false;
  const ended = runAdhoc(script, { argv: ['--dir', dir], world: { interactive: true } }).finally(() => {
    over = true;
  });
  await open;
  await vi.advanceTimersByTimeAsync(29 * 60_000);
  expect([over, holdsLock()]).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(60_000);
  const { exitCode, stdout } = await ended;
  expect(exitCode, stdout).toBe(4);
  expect(stdout).toContain('Nobody answered within 30 min.');
  expect(holdsLock()).toBe(false);
});
