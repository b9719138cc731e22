import { expect, it } from 'vitest';
import { siblingWarning, withSiblings } from '../../../../lib/domain/stack/siblings.ts';
import { facts } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

const stack = { ...facts().stack, siblings: ['worker', 'beat', 'never-started'] };

it('names the services that have a container, and says which do not run', async () => {
  const ops = testOps(() => ({ stdout: 'whalefall\trunning\nworker\trunning\nbeat\texited\n' }));
  const found = await withSiblings(ops, stack);
  expect(ops.scripted.calls.map((c) => c.argv.join(' '))).toEqual([
    expect.stringContaining(
      '--filter label=com.docker.compose.project=shop --filter label=com.docker.compose.oneoff=False',
    ),
  ]);
  const { text, fix } = siblingWarning(ops.target, found, 'new') ?? {};
  expect(text?.en).toMatch(/left alone: worker, beat \(stopped\)\./);
  expect(fix?.en).toMatch(/up -d --no-deps worker beat$/);
});

it('says nothing of those that nobody ever started, and does not ask where there are none', async () => {
  const none = testOps(() => ({ stdout: '' }));
  expect(siblingWarning(none.target, await withSiblings(none, stack), 'new')).toBeUndefined();
  const silent = testOps(() => undefined);
  await withSiblings(silent, facts().stack);
  expect(silent.scripted.calls).toEqual([]);
});
