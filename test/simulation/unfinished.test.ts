import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { runsScript } from '../../scripts/runs.ts';
import { type Deployment, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';

vi.setConfig({ testTimeout: 30_000 });

const NAME = '20260101T000000Z-deploy-prod-all';

/** A rebuild that was killed when it had stopped the application. */
function leaveKilledRebuild(d: Deployment): void {
  d.killed += 1;
  const dir = path.join(d.state, 'runs', NAME);
  mkdirSync(dir, { recursive: true });
  const app = d.container('whalefall');
  if (app) d.machine.engine.stop(app);
  const events = [
    { event: 'run-start', script: 'deploy-prod-all', version: '1', pid: 4712, user: 'ann', options: {}, args: [] },
    { event: 'plan', steps: ['build', 'stop'], also: ['--data=keep'] },
    { event: 'step-start', step: 'stop' },
    { event: 'intent', command: 'docker stop whalefall' },
  ];
  const at = '2026-01-01T00:00:00.000Z';
  writeFileSync(
    path.join(dir, 'journal'),
    events.map((e, i) => `${JSON.stringify({ seq: i + 1, at, ...e })}\n`).join(''),
  );
}

it('a start tells from the world what a killed run left, goes on, and makes it good', async () => {
  const d = await production();
  leaveKilledRebuild(d);
  const planned = await d.run(['--plan', '--data', 'keep']);
  const next = await d.run(['--yes', '--data', 'keep']);
  for (const { text, exitCode } of [planned, next]) {
    expect(exitCode).toBe(0);
    expect(text).toMatch(/Run 20260101T000000Z-deploy-prod-all \(ann\) did not end: its process is gone, at step stop/);
    expect(text).toMatch(/nobody knows whether it took effect: docker stop whalefall/);
    expect(text).toMatch(/postgres +running, healthy\n +redis +running\n +whalefall +exited\n/);
    // The person is elsewhere: what is shown means this directory and configuration all the same.
    const target = `WHALEFALL_DIR=${d.dir} WHALEFALL_CONFIG=${path.join(d.root, 'target.json')}`;
    expect(text).toContain(`to finish it: ${target} npx tsx scripts/deploy-prod-all.ts --data=keep`);
  }
  const after = await runAndCheck(d, ['--yes', '--data', 'keep']);
  expect(after.text).not.toContain('did not end');
});

it('tells all about runs without leaving a trace', async () => {
  const d = await production();
  leaveKilledRebuild(d);
  const before = d.files();
  for (const args of [['list'], ['show'], ['show', NAME]]) {
    const { exitCode, changes, text } = await d.run(args, { script: runsScript });
    expect({ exitCode, changes }, text).toEqual({ exitCode: 0, changes: [] });
  }
  expect(d.files()).toEqual(before);
  expect(await d.run(['show', 'nope'], { script: runsScript })).toMatchObject({ exitCode: 3 });
  expect(await d.run(['undo'], { script: runsScript })).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('wrote down no way back'),
  });
});
