import { expect, it } from 'vitest';
import { inUse, isUp } from '../../../../lib/domain/stack/containers.ts';
import { unsettled } from '../../../../lib/domain/stack/replicas.ts';
import type { Container } from '../../../../lib/tools/docker/containers.ts';
import { container } from '../../../support/facts.ts';

const app = (name: string, more: Partial<Container> = {}) => container('app', { id: name, name, ...more });
const before = (more: Partial<Container> = {}) => app('app-before-20260101T000000Z', { state: 'exited', ...more });

it.each<[who: string, what: string, present: Partial<Container>, more?: Partial<Container>]>([
  ['app', 'runs', { lastedMs: 1 }],
  ['app', 'was started again by the engine, and lasts', { restartCount: 3, lastedMs: 10_000 }],
  ['app', 'is paused', { state: 'paused', restartCount: 1 }],
  ['app', 'served, and was stopped', { state: 'exited' }],
  [
    'app-before-20260101T000000Z',
    'served, was stopped, and the former was started',
    { state: 'exited' },
    { state: 'running' },
  ],
  ['app-before-20260101T000000Z', 'has never run', { state: 'created', lastedMs: 0 }],
  ['app-before-20260101T000000Z', 'ended at once', { state: 'exited', lastedMs: 900 }],
  ['app-before-20260101T000000Z', 'waits to be started again', { state: 'restarting', restartCount: 9 }],
  ['app-before-20260101T000000Z', 'was started again, and does not last', { restartCount: 9, lastedMs: 900 }],
])('%s is what production is when the one with the name %s', (who, _what, present, more) => {
  expect(inUse([before(more), app('app', present)])?.id).toBe(who);
});

it('is the one that runs, of several with names of their own; of those put aside the newest', () => {
  expect(inUse([app('app-2', { state: 'exited' }), app('app-1')])?.id).toBe('app-1');
  const older = app('app-before-20250101T000000Z', { state: 'exited' });
  expect(inUse([older, before(), app('app-next-20260101T000000Z', { state: 'created' })])?.id).toBe(before().id);
  // Of one that is being taken back: the former would meet it on the same data.
  const leaving = (state: 'running' | 'exited') => app('app-next-20260101T000000Z', { state });
  expect(inUse([before(), leaving('running')])?.id).toBe(leaving('running').id);
  expect(inUse([before(), leaving('exited')])?.id).toBe(before().id);
  expect(inUse([app('app', { state: 'exited' }), leaving('running')])?.id).toBe('app');
  expect(isUp(before())).toBe(false);
});

it('warns of starting the former beside one that dies again and again', () => {
  expect(unsettled([before(), app('app', { state: 'restarting' })])?.fix.en).toMatch(/Don’t start app-before-/);
  expect(unsettled([before(), app('app', { state: 'exited', lastedMs: 0 })])).toBeUndefined();
  expect(unsettled([app('app', { state: 'restarting' })])).toBeUndefined();
});
