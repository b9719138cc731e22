import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { startDaemon } from '../../sandbox/engine-daemon.ts';
import { launchScript, runScript } from '../../support/run-script.ts';
import { itInFull } from '../thorough.ts';
import { pause, stepBegins } from '../update/disturb.ts';
import { expectNew } from '../update/judge.ts';
import { update } from '../update/run.ts';
import type { Stack } from '../update/stack.ts';

/** Ends the engine, its containers with it, and starts it again; it starts those that are to be restarted. */
async function restartEngine(): Promise<void> {
  const pid = Number(readFileSync('/run/docker.pid', 'utf8'));
  process.kill(pid, 'SIGTERM');
  while (isAlive(pid)) await pause(100);
  await startDaemon();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Disturbs whatever else runs on this engine, so only where everything is asked for. */
export function engineCases(stack: () => Stack): void {
  for (const step of ['check', 'switch', 'restart'] as const) {
    itInFull(
      `the engine is restarted during ${step} of an update: the truth is told, and the next one makes it good`,
      async () => {
        const release = await stack().release({ import_delay: 1 });
        const run = await update(stack(), ['--json'], {
          during: async (running) => {
            await stepBegins(running, step);
            await restartEngine();
            await running.ended;
            await stack().settled();
          },
        });
        console.log(`engine restarted during ${step}: exit code ${run.exitCode}\n${run.text.slice(-1500)}`);
        expect([0, 1, 6], run.text).toContain(run.exitCode);
        const serves = run.exitCode === 0 ? release : stack().current;
        if (run.exitCode !== 6) expect(new Set(run.answers?.map((a) => a.marker))).toEqual(new Set([serves.marker]));
        const next = await update(stack(), ['--lock-wait', '60s']);
        await expectNew(stack(), { ...next, before: run.before }, release, { restarted: true });
      },
    );
  }

  itInFull('the engine is restarted while a rebuild has production down: the next one makes it good', async () => {
    const release = await stack().release();
    await stack().sandbox.pull();
    const args = ['--dir', stack().sandbox.deployDir, '--config', stack().config, '--yes', '--data', 'keep'];
    const running = launchScript('deploy-prod-all', [...args, '--json']);
    await stepBegins(running, 'start-app');
    await restartEngine();
    const ended = await running.ended;
    console.log(`engine restarted during start-app: exit code ${ended.exitCode}\n${ended.text.slice(-1500)}`);
    expect([0, 1, 6], ended.text).toContain(ended.exitCode);
    const next = await runScript('deploy-prod-all', [...args, '--lock-wait', '60s']);
    expect(next.exitCode, next.text).toBe(0);
    stack().current = release;
  });
}
