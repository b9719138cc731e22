import { expect, it } from 'vitest';
import { isToRun, noteStop } from '../../../../lib/domain/replacement/stopped.ts';
import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

it.each([
  ['running', true],
  // It dies because something outside is down: it was meant to run, and is given back so.
  ['restarting', true],
  ['exited', false],
  ['created', false],
] as const)('one that is %s: whether its stop is noted, and whether it runs again after a failure: %s', (state, is) => {
  const ops = testOps(() => ({}));
  const app = container('app', { state });
  noteStop(ops, app);
  expect(ops.written.map((e) => e.event === 'note' && [e.key, e.value])).toEqual(is ? [['stopped', app.id]] : []);
  expect(isToRun('app', app, undefined)).toBe(is);
});

it('what a killed run had stopped runs again, but no application on data that was moved under it', () => {
  const run = '20260102T030405Z';
  const stopped = { run, moved: { run: `${run}-deploy-prod-all`, what: 'migrating', backup: undefined } } as const;
  const exited = container('app', { state: 'exited' });
  expect(isToRun('app', exited, { run })).toBe(true);
  expect(isToRun('app', exited, stopped)).toBe(false);
  expect(isToRun('postgres', exited, stopped)).toBe(true);
});
