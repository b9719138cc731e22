import { expect, it } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import type { JournalEvent } from '../../../../lib/core/journal.ts';
import { carryOut, type PlannedStep, type Recovery } from '../../../../lib/runs/steps/steps.ts';
import { testOps } from '../../../support/ops.ts';

const planned = (id: string): PlannedStep => ({ id, title: { en: id, zh: id }, risk: 'none', commands: [] });
const plan = ['one', 'two', 'three'].map(planned);
const back: Recovery = {
  prove: async () => ({ en: 'as before', zh: '与之前一致' }),
  advice: () => [{ en: 'type this', zh: '执行' }],
};
const lost: Recovery = { ...back, prove: async () => Promise.reject(new Error('does not answer')) };

it('journals each step before and after', async () => {
  const ops = testOps(() => undefined);
  await carryOut(ops, plan, back, async (step) => {
    for (const id of ['one', 'two', 'three']) await step(id, { run: async () => id });
  });
  expect(ops.written.map((e) => `${e.event} ${'step' in e ? e.step : ''}`.trim())).toEqual([
    'plan',
    'step-start one',
    'step-done one',
    'step-start two',
    'step-done two',
    'step-start three',
    'step-done three',
  ]);
});

it('says that a step begins only when that can be read by whoever finds the run killed', async () => {
  const ops = testOps(() => undefined);
  const written: string[] = [];
  ops.screen.show = (event) => {
    if (event.event === 'step') written.push(ops.written.at(-1)?.event ?? 'nothing');
  };
  await carryOut(ops, plan, back, async (step) => step('one', { run: async () => 1 }));
  expect(written).toEqual(['step-start']);
});

it('refuses a step that the plan did not show, or shows later', async () => {
  const run = { run: async () => undefined };
  await expect(
    carryOut(
      testOps(() => undefined),
      plan,
      back,
      (step) => step('four', run),
    ),
  ).rejects.toMatchObject({
    what: { en: expect.stringContaining('not in the plan') },
  });
  await expect(
    carryOut(
      testOps(() => undefined),
      plan,
      back,
      async (step) => {
        await step('two', run);
        await step('one', run);
      },
    ),
  ).rejects.toMatchObject({ what: { en: expect.stringContaining('not in the plan') } });
});

async function failing(recovery: Recovery, error: unknown = new Error('broke'), undoTwo = async () => undefined) {
  const undone: string[] = [];
  const ops = testOps(() => undefined);
  const outcome = await carryOut(ops, plan, recovery, async (step) => {
    await step('one', { run: async () => 1, undo: async () => void undone.push('one') });
    await step('two', {
      run: async () => Promise.reject(error),
      undo: async () => {
        undone.push('two');
        await undoTwo();
      },
    });
    await step('three', { run: async () => 3, undo: async () => void undone.push('three') });
  }).catch((e: unknown) => e);
  return { undone, outcome: outcome as OpsError, ops };
}

it('undoes what had begun, newest first, the failed step included', async () => {
  expect((await failing(back)).undone).toEqual(['two', 'one']);
});

it('ends with 1 when the former state is proved', async () => {
  const { outcome } = await failing(back);
  expect(outcome).toMatchObject({ kind: 'failed', exitCode: 1, what: { en: 'broke' }, state: { en: 'as before' } });
});

it('ends with 6 and exact commands when it is not proved', async () => {
  const { outcome } = await failing(lost);
  expect(outcome).toMatchObject({ kind: 'needs-person', exitCode: 6, next: [{ en: 'type this' }] });
  expect(outcome.state?.en).toContain('does not answer');
});

it('ends with 6 when undoing failed, whatever the proof says, and undoes the rest all the same', async () => {
  const { outcome, undone } = await failing(back, new Error('broke'), () => Promise.reject(new Error('stuck')));
  expect(outcome.exitCode).toBe(6);
  expect(undone).toEqual(['two', 'one']);
});

it('keeps the exit code of an interruption when everything is back', async () => {
  const interrupted = new OpsError({ kind: 'interrupted', what: { en: 'Ctrl-C', zh: '中断' }, exitCode: 143 });
  expect((await failing(back, interrupted)).outcome.exitCode).toBe(143);
  expect((await failing(lost, interrupted)).outcome.exitCode).toBe(6);
});

it('does not say "nothing was changed" after a step that interrupts', async () => {
  const missing = new OpsError({ kind: 'precondition', what: { en: 'missing', zh: '缺少' } });
  const end = (risk: PlannedStep['risk']) =>
    carryOut(
      testOps(() => undefined),
      [{ ...planned('one'), risk }],
      back,
      (step) => step('one', { run: () => Promise.reject(missing) }),
    ).catch((e: unknown) => (e as OpsError).exitCode);
  expect(await end('none')).toBe(3);
  expect(await end('interrupts')).toBe(1);
  expect(await end('deletes')).toBe(1);
});

it('undoes although the run was aborted', async () => {
  const stopping = new AbortController();
  const ops = testOps(() => ({}), { signal: stopping.signal });
  let aborted: boolean | undefined;
  await carryOut(ops, plan, back, (step) =>
    step('one', {
      run: async () => {
        stopping.abort(new OpsError({ kind: 'interrupted', what: { en: 'x', zh: 'x' } }));
        stopping.signal.throwIfAborted();
      },
      undo: async (calm) => {
        aborted = calm.signal.aborted;
      },
    }),
  ).catch(() => undefined);
  expect(aborted).toBe(false);
});

it('starts no further step after an abort', async () => {
  const ops = testOps(() => undefined, { signal: AbortSignal.abort(new Error('stopped')) });
  let ran = false;
  await carryOut(ops, plan, back, (step) =>
    step('one', {
      run: async () => {
        ran = true;
      },
    }),
  ).catch(() => undefined);
  expect(ran).toBe(false);
});

it('undoes and proves also when nothing can be written down any more, and says so once', async () => {
  const ops = testOps(() => undefined);
  let room = 3; // the plan, and the beginnings of both steps
  const full = { ...ops.journal, write: (e: JournalEvent) => (room-- > 0 ? ops.journal.write(e) : fullDisk()) };
  const undone: string[] = [];
  const outcome = await carryOut({ ...ops, journal: full }, plan, back, async (step) => {
    await step('one', { run: async () => (room += 1), undo: async () => void undone.push('one') });
    await step('two', {
      run: async () => Promise.reject(new Error('broke')),
      undo: async () => void undone.push('two'),
    });
  }).catch((e: unknown) => e);
  expect(outcome).toMatchObject({ kind: 'failed', what: { en: 'broke' }, state: { en: 'as before' } });
  expect(undone).toEqual(['two', 'one']);
  expect(ops.shown.filter((e) => JSON.stringify(e).includes("journal can't be written"))).not.toHaveLength(0);
});

it('does not take back what is done because it can not be written down', async () => {
  const ops = testOps(() => undefined);
  let room = 2; // the plan, and the step's beginning
  const full = { ...ops.journal, write: (e: JournalEvent) => (room-- > 0 ? ops.journal.write(e) : fullDisk()) };
  const undone: string[] = [];
  const outcome = await carryOut({ ...ops, journal: full }, plan, back, (step) =>
    step('one', { run: async () => 'done', undo: async () => void undone.push('one') }),
  );
  expect(outcome).toBe('done');
  expect(undone).toEqual([]);
  expect(ops.shown.filter((e) => JSON.stringify(e).includes("journal can't be written"))).not.toHaveLength(0);
});

const fullDisk = (): never => {
  throw new Error('ENOSPC: no space left on device');
};
