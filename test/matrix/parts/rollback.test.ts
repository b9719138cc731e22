import { expect, it } from 'vitest';
import { expectNew, expectOnly } from '../../e2e/update/judge.ts';
import { update } from '../../e2e/update/run.ts';
import { original } from '../../e2e/update/sources.ts';
import { expectReplaced, note, notes, openedStack, rebuild, rollback, uploaded } from './part.ts';

const stack = openedStack();

it('rollback, hot', async () => {
  const former = stack().current;
  const release = await stack().release();
  await expectNew(stack(), await update(stack()), release);
  const run = await rollback(stack(), ['previous']);
  expect(run.exitCode, run.text).toBe(0);
  stack().current = former;
  await expectOnly(stack(), run, former);
});

it('rollback, by image', async () => {
  const former = stack().current;
  const files = { 'uv.lock': `${original(stack(), 'uv.lock')}\n# another\n` };
  const release = await stack().release({ files });
  await expectReplaced(stack(), await rebuild(stack(), ['--data', 'keep']), release);
  note(stack(), 'since then');
  const rows = notes(stack());
  const run = await rollback(stack(), ['previous']);
  await expectReplaced(stack(), run, former);
  expect(run.text).toMatch(/production was down +\d/);
  expect(notes(stack())).toBe(rows);
  expect(await uploaded(stack())).toBe('kept');
});
