import { expect, it, vi } from 'vitest';
import { whileThereIsRoom } from '../../../../lib/domain/backup/directory.ts';
import { testOps } from '../../../support/ops.ts';

const disk = vi.hoisted(() => ({ free: 1e12 }));
vi.mock('../../../../lib/tools/files/durable.ts', async (original) => ({
  ...(await original<object>()),
  freeBytes: () => disk.free,
}));

it('begins nothing on a disk that is full already, and does not say that it got full', async () => {
  disk.free = 1000;
  const ops = testOps(() => undefined);
  const work = vi.fn();
  await expect(whileThereIsRoom(ops, ops.paths.state, work)).rejects.toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringMatching(/are needed, 1.0 kB are free/) },
  });
  expect(work).not.toHaveBeenCalled();
});

it('stops what is under way when the disk gets full', async () => {
  disk.free = 1e12;
  const ops = testOps(() => undefined);
  const working = whileThereIsRoom(ops, ops.paths.state, (inner) => {
    disk.free = 1000;
    return new Promise((_, reject) => inner.signal.addEventListener('abort', () => reject(inner.signal.reason)));
  });
  await expect(working).rejects.toMatchObject({ kind: 'failed', what: { en: expect.stringContaining('got full') } });
});
