import { expect, it } from 'vitest';
import { allEnded, allOrAbort, firstAbort } from '../../../lib/core/concurrency.ts';

const soon = () => new Promise((resolve) => setImmediate(resolve));

it('gives what all came to, in their order', async () => {
  expect(await allEnded([Promise.resolve(1), soon().then(() => 'two')])).toEqual([1, 'two']);
});

it('throws the first failure, and not before the others have ended', async () => {
  const ended: string[] = [];
  const slow = soon()
    .then(soon)
    .then(() => {
      ended.push('slow');
      throw new Error('the second');
    });
  await expect(allEnded([slow, Promise.reject(new Error('the first'))])).rejects.toThrow('the first');
  expect(ended).toEqual(['slow']);
});

it('stops the others with the first failure', async () => {
  const stop = new AbortController();
  const waiting = new Promise((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
  });
  await expect(allOrAbort(stop, [waiting, Promise.reject(new Error('the first'))])).rejects.toThrow('the first');
  expect(stop.signal.reason).toMatchObject({ message: 'the first' });
});

it.each([0, 1])('is stopped with signal %i, and by its reason; the other one then says nothing', (which) => {
  const both = [new AbortController(), new AbortController()] as const;
  const either = firstAbort(...both.map((c) => c.signal));
  expect(either.aborted).toBe(false);
  both[which]?.abort('first');
  both[1 - which]?.abort('second');
  expect([either.aborted, either.reason]).toEqual([true, 'first']);
});

it('is stopped at once by a signal that is so already', () => {
  const either = firstAbort(new AbortController().signal, AbortSignal.abort('before'));
  expect([either.aborted, either.reason]).toEqual([true, 'before']);
});
