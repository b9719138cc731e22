import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { OpsError } from '../../../../lib/core/errors.ts';
import { giveWay, takeLock } from '../../../../lib/runs/main/lock.ts';
import { testOps } from '../../../support/ops.ts';

const DEPLOYING = `${JSON.stringify({ script: 'deploy-prod-all', user: 'ops', host: 'prod', pid: 7, since: 'now' })}\n`;
const turns = async (count = 20) => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Ops whose lock is free or held, and the lock's file. */
function world(held: boolean) {
  const ops = testOps(() => ({ exitCode: held ? 75 : 0 }));
  return { ops, file: path.join(ops.paths.state, 'lock'), stopping: new AbortController() };
}

it('does not begin while somebody holds the deploy directory, and asks without keeping anybody out', async () => {
  const { ops, file, stopping } = world(true);
  writeFileSync(file, DEPLOYING);
  await expect(giveWay(ops, { file }, 0, stopping)).rejects.toMatchObject({
    kind: 'locked',
    exitCode: 5,
    what: { en: expect.stringContaining('deploy-prod-all, ops@prod') },
  });
  expect(ops.scripted.calls.map((c) => c.argv.join(' '))).toEqual(['flock -n -s -E 75 3']);
});

it('waits as long as it is told to, and then goes by who held it last', async () => {
  const { ops, file, stopping } = world(true);
  writeFileSync(file, DEPLOYING.replace('deploy', 'first'));
  await expect(giveWay(ops, { file }, 1_000, stopping)).rejects.toMatchObject({ kind: 'locked' });
  expect(ops.shown.map((e) => e.event === 'info' && e.text.en)).toEqual([
    expect.stringContaining('Waiting for another run to end: first-prod-all'),
  ]);

  const exitCodes = [75, 75, 0];
  const later = testOps(() => {
    if (exitCodes.length === 2) writeFileSync(file, DEPLOYING); // another one took it in between
    return { exitCode: exitCodes.shift() ?? 1 };
  });
  const end = await giveWay(later, { file }, 10_000, stopping);
  await turns();
  expect([exitCodes, stopping.signal.aborted]).toEqual([[], false]);
  end();
});

it('goes on undisturbed by whoever held it before', async () => {
  const { ops, file, stopping } = world(false);
  writeFileSync(file, DEPLOYING);
  const end = await giveWay(ops, { file }, 0, stopping);
  await turns();
  expect(stopping.signal.aborted).toBe(false);
  end();
});

it('stops the run, with exit code 5, when another one takes it; not at the moment when the file is empty', async () => {
  const { ops, file, stopping } = world(false);
  const end = await giveWay(ops, { file }, 0, stopping);
  writeFileSync(file, '');
  await turns();
  writeFileSync(file, DEPLOYING.slice(0, 20));
  await turns();
  expect(stopping.signal.aborted).toBe(false);
  writeFileSync(file, DEPLOYING);
  await turns();
  expect(stopping.signal.reason).toMatchObject({
    kind: 'interrupted',
    exitCode: 5,
    what: { en: expect.stringContaining('deploy-prod-all, ops@prod') },
  });
  end();
});

it('looks no more once it is ended', async () => {
  const { ops, file, stopping } = world(false);
  (await giveWay(ops, { file }, 0, stopping))();
  await turns();
  writeFileSync(file, DEPLOYING);
  await turns();
  expect(stopping.signal.aborted).toBe(false);
});

it('says where to watch who holds it: a project may be held from another directory', async () => {
  const { ops, file } = world(true);
  const refused = async (holder: object, project?: string) => {
    writeFileSync(file, `${JSON.stringify({ ...JSON.parse(DEPLOYING), ...holder })}\n`);
    const lock = { file, ...(project === undefined ? {} : { project }) };
    const error = await giveWay(ops, lock, 0, new AbortController()).catch((e: OpsError) => e);
    return (error as OpsError).next.flatMap((n) => [n.en, n.zh]);
  };
  for (const next of await refused({})) expect(next).toMatch(/npx tsx scripts\/runs\.ts follow$/);
  for (const next of await refused({ dir: '/srv/other shop' }, 'shop'))
    expect(next).toMatch(/npx tsx scripts\/runs\.ts follow --dir '\/srv\/other shop'$/);
});

it('a deployment that comes at the moment of the question is not refused for it', async () => {
  const exitCodes = [75, 0];
  const ops = testOps(() => ({ exitCode: exitCodes.shift() ?? 1 }));
  const holder = { user: 'ops', host: 'prod', pid: 8, script: 'deploy-prod-all', since: 'now' };
  const lock = await takeLock(ops, { file: path.join(ops.paths.state, 'lock') }, holder, 0);
  lock.release();
  expect(exitCodes).toEqual([]);
});
