import { expect, it } from 'vitest';
import type { Stack } from '../../e2e/update/stack.ts';
import type { Changes } from '../../sandbox/sandbox.ts';
import {
  DELETE,
  expectAsBefore,
  expectNobodyRefused,
  nextMigration,
  note,
  notes,
  openedStack,
  rebuild,
} from './part.ts';

const stack = openedStack();

/** What is wrong, the release, what the operator must find in the output; and whether the outage has begun when it is found. */
const BROKEN: readonly [
  what: string,
  changes: Changes | ((stack: Stack) => Changes),
  says: RegExp,
  late?: 'late',
  data?: 'deleted',
][] = [
  ['an image that cannot be built', { build_error: true }, /build_error/],
  ['an application that cannot be created', { factory_error: true }, /factory_error/],
  ['a container that ends at its start', { exit_at_start: true }, /exit_at_start/],
  ['an unhealthy basic check', { never_healthy: true }, /503/, 'late'],
  ['an unhealthy basic check, data deleted', { never_healthy: true }, /503/, 'late', 'deleted'],
  ['an unhealthy deep check', { deep_unhealthy: true }, /status unhealthy/, 'late'],
  [
    'a migration that fails half-way',
    (stack) => ({ files: nextMigration(stack, '20260601100000_fails_halfway') }),
    /no_such_table/,
    'late',
  ],
];

it.each(BROKEN)('rebuild: %s', async (_what, changes, says, late, data) => {
  note(stack(), 'must survive');
  const [rows, revision, container] = [notes(stack()), stack().revision(), stack().container('whalefall')];
  await stack().release(typeof changes === 'function' ? changes(stack()) : changes);
  stack().patience(15);
  const args = data === 'deleted' ? DELETE : ['--data', 'keep'];
  const run = await rebuild(stack(), args).finally(() => stack().patience());
  await expectAsBefore(stack(), run, 1);
  expect(run.text).toMatch(says);
  expect([notes(stack()), stack().revision()]).toEqual([rows, revision]);
  if (late) return expectNobodyRefused(run);
  expect(stack().container('whalefall')).toBe(container);
  expect(run.load, run.text).toMatchObject({ failed: 0 });
});
