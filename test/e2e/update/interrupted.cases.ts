import { expect, it } from 'vitest';
import { itInFull, some } from '../thorough.ts';
import { crashContainer, killDockerClient, outOfMemory, pause, stepBegins } from './disturb.ts';
import { expectNew, expectOld } from './judge.ts';
import type { Run } from './run.ts';
import { began, update } from './run.ts';
import type { Release, Stack } from './stack.ts';

/** Steps, and milliseconds after their beginning. */
const CRASHES = [
  ['switch', 0],
  ['switch', 150],
  ['restart', 0],
  ['restart', 200],
  ['restart', 1000],
  ['prove', 0],
] as const;

/** Services whose memory ends at a step. */
const STARVED = [
  ['whalefall', 'canary'],
  ['whalefall', 'restart'],
  ['postgres', 'backup'],
  ['postgres', 'restart'],
] as const;

/** Somebody or something stops the run in its middle. */
export function interruptedCases(stack: () => Stack): void {
  it.each(some(['stage', 'check', 'canary', 'switch', 'restart', 'prove'], 4))(
    'Ctrl-C during %s: the old release serves, and nobody noticed',
    async (step) => {
      await stack().release({ import_delay: 1 });
      const run = await update(stack(), ['--json'], {
        during: async (running) => {
          await stepBegins(running, step);
          running.signal('SIGINT');
        },
      });
      await expectOld(stack(), run, 130);
      expect(began(run, step)).toBe(true);
    },
  );

  itInFull('SIGTERM during restart: the same, with 143', async () => {
    await stack().release();
    const run = await update(stack(), ['--json'], {
      during: async (running) => {
        await stepBegins(running, 'restart');
        running.signal('SIGTERM');
      },
    });
    await expectOld(stack(), run, 143);
  });

  itInFull('a copy into the container that dies on its way never serves', async () => {
    const release = await stack().release({ files: { 'docs/bulk.bin': 'x'.repeat(30_000_000) } });
    let killed = '';
    const run = await update(stack(), ['--json'], {
      during: async (running) => {
        await stepBegins(running, 'stage');
        killed = await killDockerClient(running);
      },
    });
    console.log(`killed: ${killed}`);
    await expectEither(stack(), run, release, false);
  });

  it.each(some(CRASHES))(
    'the container dies %s + %d ms: wholly the old or wholly the new release, as the run says',
    async (step, wait) => {
      const release = await stack().release({ import_delay: 1, files: { 'app/only_new.py': 'NEW = True\n' } });
      const run = await update(stack(), ['--json'], {
        during: async (running) => {
          await stepBegins(running, step);
          await pause(wait); // a moment as good as any other
          crashContainer(stack());
        },
      });
      await expectEither(stack(), run, release, true);
    },
  );

  for (const [service, step] of STARVED) {
    itInFull(`the kernel kills ${service}’s container for want of memory during ${step}: the same`, async () => {
      const release = await stack().release({ import_delay: 1 });
      let happened = () => false;
      const run = await update(stack(), ['--json', '--backup', 'always'], {
        during: async (running) => {
          await stepBegins(running, step);
          happened = outOfMemory(stack(), service);
        },
      });
      await expectEither(stack(), run, release, true);
      expect(happened()).toBe(true);
    });
  }

  it.each(some(['stage', 'switch', 'restart', 'settle']))(
    'a run killed outright during %s is made good by the next one',
    async (step) => {
      const release = await stack().release({ import_delay: 1, files: { 'app/half.py': '' } });
      const killed = await update(stack(), ['--json'], {
        during: async (running) => {
          await stepBegins(running, step);
          running.signal('SIGKILL');
        },
      });
      expect(killed.exitCode).toBe(null);
      // The same release again: files that are in place already don't say that anybody runs them. What the killed run had
      // begun in the container may go on for a moment, and holds the lock.
      const next = await update(stack(), ['--lock-wait', '60s']);
      await expectNew(stack(), { ...next, before: killed.before }, release);
    },
  );
}

/** The exit code says which of the two serves; which one is not prescribed. */
async function expectEither(stack: Stack, run: Run, release: Release, restarted: boolean): Promise<void> {
  expect([0, 1], run.text).toContain(run.exitCode);
  // It was struck while the script still worked, and the engine started it again.
  if (restarted) expect(run.after.containers).not.toEqual(run.before.containers);
  if (run.exitCode === 0) await expectNew(stack, run, release, { restarted });
  else await expectOld(stack, run, 1, { restarted });
}
