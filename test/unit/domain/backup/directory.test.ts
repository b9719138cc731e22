import { readdirSync } from 'node:fs';
import path from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, it, vi } from 'vitest';
import { whileThereIsRoom } from '../../../../lib/domain/backup/directory.ts';
import { exportBackup } from '../../../../lib/flows/backup/export.ts';
import { testOps } from '../../../support/ops.ts';
import { storedBackup } from './backup.fakes.ts';

const disk = vi.hoisted(() => ({ free: 1e12, isFull: false }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const createWriteStream: typeof fs.createWriteStream = (file, ...more) =>
    fs.createWriteStream(disk.isFull ? '/dev/full' : file, ...(disk.isFull ? [{ flush: true }] : more));
  return { ...fs, createWriteStream };
});
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

describe('an export', () => {
  const exported = async () => {
    const ops = testOps(() => undefined);
    await storedBackup(ops);
    const to = path.join(ops.paths.run, 'out');
    const recipients = await identityToRecipient(await generateX25519Identity());
    return { to, done: exportBackup(ops, 'latest', { planOnly: false, recipients, to }) };
  };

  it('that would not fit is not begun, and names a directory that is there', async () => {
    disk.free = 1000;
    const { to, done } = await exported();
    await expect(done).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringContaining(`Not enough disk for an encrypted copy in ${to}: `) },
      state: { en: expect.stringMatching(/^Nothing was changed/) },
      next: [{ en: `See what takes the space: du -xhd1 ${to}` }],
    });
    expect(readdirSync(to)).toEqual([]);
  });

  it('whose disk gets full says so, and what is left', async () => {
    disk.free = 1e12;
    disk.isFull = true;
    const { to, done } = await exported();
    await expect(done).rejects.toMatchObject({
      kind: 'failed',
      what: { en: expect.stringContaining(`The disk of ${to} got full`) },
      state: { en: 'The incomplete copy was removed. The backup is as it was.' },
      next: [{ en: `See what takes the space: du -xhd1 ${to}` }],
    });
    expect(readdirSync(to)).toEqual([]);
  });
});
