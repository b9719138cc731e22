import { expect, it } from 'vitest';
import { BROKEN } from '../../e2e/update/broken.cases.ts';
import { expectOld } from '../../e2e/update/judge.ts';
import { update } from '../../e2e/update/run.ts';
import { nextMigration, note, notes, openedStack } from './part.ts';

const stack = openedStack();

for (const [what, changes, says, waits] of BROKEN) {
  it(`update: ${what}`, async () => {
    const { on = stack().base, ...broken } = typeof changes === 'function' ? changes(stack()) : changes;
    await stack().sandbox.release({ on, ...broken });
    if (waits) stack().patience(15);
    const run = await update(stack()).finally(() => stack().patience());
    await expectOld(stack(), run, 1);
    expect(run.text).toMatch(says);
  });
}

it('update: a migration that fails half-way', async () => {
  note(stack(), 'must survive');
  const [rows, revision] = [notes(stack()), stack().revision()];
  await stack().release({ files: nextMigration(stack(), '20260601100000_fails_halfway') });
  const run = await update(stack());
  await expectOld(stack(), run, 1);
  expect(run.text).toContain('no_such_table');
  expect([notes(stack()), stack().revision()]).toEqual([rows, revision]);
});
