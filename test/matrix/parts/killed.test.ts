import { expect, it } from 'vitest';
import { stepBegins } from '../../e2e/update/disturb.ts';
import { runScript } from '../../support/run-script.ts';
import { note, notes, openedStack, rebuild, uploaded } from './part.ts';

const stack = openedStack();

it('SIGKILL in the outage, and the next start', async () => {
  note(stack(), 'must survive');
  const [rows, release] = [notes(stack()), await stack().release()];
  const killed = await rebuild(stack(), ['--data', 'keep', '--json'], {
    during: async (running) => {
      await stepBegins(running, 'start-app');
      running.signal('SIGKILL');
    },
  });
  expect(killed.exitCode).toBe(null);
  const args = ['--dir', stack().sandbox.deployDir, '--config', stack().config, '--yes', '--data', 'keep'];
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
