import { describe, expect, it } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import type { JournalEvent } from '../../../../lib/core/journal.ts';
import type { PlannedStep, Recovery, Step } from '../../../../lib/core/step.ts';
import { carryOut } from '../../../../lib/runs/steps/steps.ts';
import { testOps } from '../../../support/ops.ts';

const planned = (id: string): PlannedStep => ({ id, title: { en: id, zh: id }, risk: 'none', commands: [] });
/** A step that does nothing but what is given. */
const stepOf = (id: string, does: Partial<Step> = {}): Step => ({
  ...planned(id),
  run: async () => undefined,
  ...does,
});
const back: Recovery = {
  prove: async () => ({ en: 'as before', zh: '与之前一致' }),
  proves: ['app'],
  advice: () => [{ en: 'type this', zh: '执行' }],
};
const lost: Recovery = { ...back, prove: async () => Promise.reject(new Error('does not answer')) };

it('journals each step before and after', async () => {
  const ops = testOps(() => undefined);
  const steps = ['one', 'two', 'three'].map((id) => stepOf(id));
  await carryOut(ops, steps, back, async (step) => {
    for (const one of steps) await step(one);
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
  const one = stepOf('one');
  await carryOut(ops, [one], back, (step) => step(one));
  expect(written).toEqual(['step-start']);
});

it('hands on what a step came to, and gives undoing what running was given', async () => {
  const ops = testOps(() => undefined);
  const undone: number[] = [];
  const one: Step<number> = { ...planned('one'), run: async () => 1 };
  const two: Step<string, [number]> = {
    ...planned('two'),
    run: async (_, n) => `got ${n}`,
    evidence: (said) => ({ en: said, zh: said }),
    undo: async (_, n) => undone.push(n),
  };
  const three = stepOf('three', { run: async () => Promise.reject(new Error('broke')) });
  await carryOut(ops, { one, two, three }, back, async (step) => {
    await step(two, await step(one));
    await step(three);
  }).catch(() => undefined);
  expect(ops.written).toContainEqual(expect.objectContaining({ event: 'step-done', step: 'two', evidence: 'got 1' }));
  expect(undone).toEqual([1]);
});

it('neither plans nor carries out a step that the run does not have', async () => {
  const ops = testOps(() => undefined);
  const steps = { one: stepOf('one'), absent: undefined as Step<number> | undefined };
  expect(await carryOut(ops, steps, back, async (step) => [await step(steps.one), await step(steps.absent)])).toEqual([
    undefined,
    undefined,
  ]);
  expect(ops.written[0]).toMatchObject({ event: 'plan', steps: ['one'] });
  expect(ops.written.filter((e) => e.event === 'step-start')).toHaveLength(1);
});

describe('what the plan shows is what is carried out', () => {
  const [one, two, other] = [stepOf('one'), stepOf('two'), stepOf('two')];
  it.each([
    { what: 'a step that it does not show', order: [one, other] },
    { what: 'a step that it shows later', order: [two, one] },
    { what: 'a step twice', order: [one, one, two] },
    { what: 'less than it shows', order: [one] },
  ])('refuses $what', async ({ order }) => {
    const ops = testOps(() => undefined);
    const outcome = carryOut(ops, [one, two], back, async (step) => {
      for (const each of order) await step(each);
    });
    await expect(outcome).rejects.toMatchObject({ what: { en: expect.stringContaining('the plan') } });
  });
});

async function failing(recovery: Recovery, error: unknown = new Error('broke'), undoTwo = async () => undefined) {
  const undone: string[] = [];
  const ops = testOps(() => undefined);
  const steps = {
    one: stepOf('one', { undo: async () => undone.push('one') }),
    two: stepOf('two', {
      run: async () => Promise.reject(error),
      undo: async () => {
        undone.push('two');
        await undoTwo();
      },
    }),
    three: stepOf('three', { undo: async () => undone.push('three') }),
  };
  const outcome = await carryOut(ops, steps, recovery, async (step) => {
    await step(steps.one);
    await step(steps.two);
    await step(steps.three);
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
  const end = (risk: PlannedStep['risk']) => {
    const one = stepOf('one', { risk, run: () => Promise.reject(missing) });
    const carried = carryOut(
      testOps(() => undefined),
      [one],
      back,
      (step) => step(one),
    );
    return carried.catch((e: unknown) => (e as OpsError).exitCode);
  };
  expect(await end('none')).toBe(3);
  expect(await end('interrupts')).toBe(1);
  expect(await end('deletes')).toBe(1);
});

it('undoes although the run was aborted', async () => {
  const stopping = new AbortController();
  const ops = testOps(() => ({}), { signal: stopping.signal });
  let aborted: boolean | undefined;
  const one = stepOf('one', {
    run: async () => {
      stopping.abort(new OpsError({ kind: 'interrupted', what: { en: 'x', zh: 'x' } }));
      stopping.signal.throwIfAborted();
    },
    undo: async (calm) => {
      aborted = calm.signal.aborted;
    },
  });
  await carryOut(ops, [one], back, (step) => step(one)).catch(() => undefined);
  expect(aborted).toBe(false);
});

it('starts no further step after an abort', async () => {
  const ops = testOps(() => undefined, { signal: AbortSignal.abort(new Error('stopped')) });
  let ran = false;
  const one = stepOf('one', {
    run: async () => {
      ran = true;
    },
  });
  await carryOut(ops, [one], back, (step) => step(one)).catch(() => undefined);
  expect(ran).toBe(false);
});

it('undoes and proves also when nothing can be written down any more, and says so once', async () => {
  const ops = testOps(() => undefined);
  let room = 3; // the plan, and the beginnings of both steps
  const full = { ...ops.journal, write: (e: JournalEvent) => (room-- > 0 ? ops.journal.write(e) : fullDisk()) };
  const undone: string[] = [];
  const steps = {
    one: stepOf('one', {
      run: async () => {
        room += 1;
      },
      undo: async () => undone.push('one'),
    }),
    two: stepOf('two', { run: async () => Promise.reject(new Error('broke')), undo: async () => undone.push('two') }),
  };
  const outcome = await carryOut({ ...ops, journal: full }, steps, back, async (step) => {
    await step(steps.one);
    await step(steps.two);
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
  const one: Step<string> = { ...planned('one'), run: async () => 'done', undo: async () => undone.push('one') };
  const outcome = await carryOut({ ...ops, journal: full }, [one], back, (step) => step(one));
  expect(outcome).toBe('done');
  expect(undone).toEqual([]);
  expect(ops.shown.filter((e) => JSON.stringify(e).includes("journal can't be written"))).not.toHaveLength(0);
});

const fullDisk = (): never => {
  throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
};
