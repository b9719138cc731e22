import { expect, it } from 'vitest';
import { discardContainer, discardNetwork, discardStale } from '../../../../lib/tools/docker/helpers.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

/** Answers `docker rm` with these replies, one after the other. */
const removing = (...replies: Reply[]) => {
  const left = [...replies];
  return testOps(() => left.shift());
};
const typed = (ops: { scripted: { calls: Call[] } }) => ops.scripted.calls.map((c) => c.argv.join(' '));

it.each([
  ['it was there', {}],
  ['it was not', { exitCode: 1, stderr: 'Error: No such container: x\n' }],
])('takes a helper for gone when %s', async (_what, reply) => {
  const ops = removing(reply);
  expect(await discardContainer(ops, 'x')).toBe(true);
  expect(typed(ops)).toEqual(['docker rm -f -v x']);
  expect(ops.shown).toEqual([]);
});

it('tries once more when the engine does not answer', async () => {
  const ops = removing({ exitCode: 1, stderr: 'Cannot connect to the Docker daemon' }, {});
  expect(await discardContainer(ops, 'x')).toBe(true);
  expect(ops.shown).toEqual([]);
});

it('then warns, with the command to type, and throws nothing', async () => {
  const down = { exitCode: 1, stderr: 'Cannot connect to the Docker daemon' };
  const ops = removing(down, down);
  expect(await discardNetwork(ops, 'net')).toBe(false);
  expect(ops.shown).toMatchObject([
    {
      event: 'warning',
      text: { en: expect.stringContaining('Cannot connect') },
      fix: { en: expect.stringContaining('docker network rm net') },
    },
  ]);
});

it('waits for a removal that is under way already', async () => {
  const busy = { exitCode: 1, stderr: 'Error response from daemon: removal of container x is already in progress' };
  const ops = removing(busy, busy, busy, { exitCode: 1, stderr: 'Error: No such container: x' });
  expect(await discardContainer(ops, 'x')).toBe(true);
});

it('goes on when the run is being stopped: that is when it matters', async () => {
  const stopped = AbortSignal.abort(new Error('Ctrl-C'));
  const ops = removing({});
  expect(await discardContainer({ ...ops, signal: stopped }, 'x')).toBe(true);
});

it('clears away what an earlier run of this directory left, containers first, and nothing else', async () => {
  const ops = testOps(({ argv }) => {
    if (argv[1] === 'ps') return { stdout: 'aaa 20260101-rebuild\nbbb test\n' };
    if (argv[2] === 'ls') return { stdout: 'net1 20260101-rebuild\nnet2 test\n' };
    return {};
  });
  await discardStale(ops);
  for (const call of ops.scripted.calls.filter((c) => c.argv.includes('--filter')))
    expect(call.argv).toContain(`label=whalefall-ops.state=${ops.paths.state}`);
  expect(typed(ops).filter((c) => / rm /.test(c))).toEqual(['docker rm -f -v aaa', 'docker network rm net1']);
});
