import { expect, it } from 'vitest';
import { poll } from '../../../lib/core/poll.ts';
import { testOps } from '../../support/ops.ts';

/** Answers at the look of that number. */
const at = (wanted: number) => {
  const looks = { count: 0 };
  const look = async () => {
    looks.count += 1;
    return looks.count === wanted ? 'there' : undefined;
  };
  return { looks, look };
};

it('looks until there is an answer', async () => {
  const { looks, look } = at(3);
  expect(
    await poll(
      testOps(() => undefined),
      { everyMs: 5 },
      look,
    ),
  ).toBe('there');
  expect(looks.count).toBe(3);
});

it('takes false and zero for answers', async () => {
  const ops = testOps(() => undefined);
  expect(await poll(ops, { everyMs: 5 }, async () => false)).toBe(false);
  expect(await poll(ops, { everyMs: 5 }, async () => 0)).toBe(0);
});

it('gives up when the time is over, but never before one look', async () => {
  const [late, now] = [at(4), at(1)];
  expect(
    await poll(
      testOps(() => undefined),
      { everyMs: 100, forMs: 200 },
      late.look,
    ),
  ).toBeUndefined();
  expect(late.looks.count).toBe(3);
  expect(
    await poll(
      testOps(() => undefined),
      { everyMs: 100, forMs: 0 },
      now.look,
    ),
  ).toBe('there');
});

it('ends with its run', async () => {
  const over = new AbortController();
  const ops = { ...testOps(() => undefined), signal: over.signal };
  const ended = poll(ops, { everyMs: 5 }, async () => void over.abort(new Error('stopped')));
  await expect(ended).rejects.toThrow('stopped');
});
