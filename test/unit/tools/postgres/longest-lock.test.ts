import { expect, it } from 'vitest';
import { LOOK_EVERY_MS, watchLocks } from '../../../../lib/tools/postgres/longest-lock.ts';
import { DB, opsWithSession } from '../../domain/backup/backup.fakes.ts';

const row = (table: string, mode: string, holder = '3/7') => JSON.stringify({ holder, table, mode });

/** Each look's answer, and then nothing any more. */
async function watched(looks: readonly (readonly string[])[]) {
  let look = 0;
  const ops = opsWithSession(
    () => ({}),
    () => {
      look += 1;
      return looks[look - 1] ?? [];
    },
  );
  const locks = watchLocks(ops, DB);
  while (look <= looks.length) await new Promise((resolve) => setImmediate(resolve));
  return { found: await locks.stop(), sql: ops.sessions[0]?.sent[0] ?? '' };
}

it('tells the lock that was seen for longest', async () => {
  const notes = row('public.notes', 'AccessExclusiveLock');
  const users = row('public.users', 'ShareLock');
  const { found } = await watched([[users], [users, notes], [notes], [notes], []]);
  expect(found).toEqual({ table: 'public.notes', mode: 'AccessExclusiveLock', milliseconds: 2 * LOOK_EVERY_MS });
});

it('does not take two short ones of different transactions for a long one', async () => {
  const by = (holder: string) => row('public.notes', 'AccessExclusiveLock', holder);
  const { found } = await watched([[by('3/7')], [by('3/7')], [], [by('3/8')], [by('3/8')]]);
  expect(found).toMatchObject({ milliseconds: LOOK_EVERY_MS });
});

it('none: nothing to tell', async () => {
  expect((await watched([[], []])).found).toBeUndefined();
});

it('fails nothing when the server can not be asked', async () => {
  const ops = opsWithSession(
    () => ({ stdout: '' }),
    () => 'dies',
  );
  const locks = watchLocks(ops, DB);
  while (!ops.sessions[0]?.ended) await new Promise((resolve) => setImmediate(resolve));
  expect(await locks.stop()).toBe('unknown');
});
