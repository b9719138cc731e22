import { expect, it } from 'vitest';
import { stepBegins } from '../../e2e/update/disturb.ts';
import { launchScript, runScript } from '../../support/run-script.ts';
import { note, notes, openedStack, uploaded } from './part.ts';

const stack = openedStack();

it('SIGKILL in the outage, and the next start', async () => {
  note(stack(), 'must survive');
  const [rows, release] = [notes(stack()), await stack().release()];
  await stack().sandbox.pull();
  const args = ['--dir', stack().sandbox.deployDir, '--config', stack().config, '--yes', '--data', 'keep'];
  const running = launchScript('deploy-prod-all', [...args, '--json']);
  await stepBegins(running, 'start-app');
  running.signal('SIGKILL');
  expect((await running.ended).exitCode).toBe(null);
  // What the killed run had begun may hold the lock for a while.
  const next = await runScript('deploy-prod-all', [...args, '--lock-wait', '180s']);
  expect(next.exitCode, next.text).toBe(0);
  expect(next.text).toMatch(/did not end: its process is gone/);
  stack().current = release;
  expect(JSON.parse(stack().inApp(['cat', '/app/.whalefall-release.json']))).toMatchObject({ commit: release.commit });
  expect([notes(stack()), await uploaded(stack())]).toEqual([rows, 'kept']);
  await stack().settled();
  stack().changeByHand();
});
