import { expect, it } from 'vitest';
import { pauseContainer } from '../../lib/host/pause.ts';
import { testOps } from '../support/ops.ts';

it('pauses for as long as it is held, and journals it as one command', async () => {
  let state = 'running';
  const ops = testOps(() => {
    state = 'paused';
    return {
      stdout: 'app\n',
      whenReleased: () => {
        state = 'running';
      },
    };
  });
  const pause = await pauseContainer(ops, 'app');
  expect(state).toBe('paused');
  expect(ops.written).toMatchObject([{ event: 'intent', command: expect.stringContaining('docker pause') }]);
  await pause.end();
  expect(state).toBe('running');
  expect(ops.written).toMatchObject([{ event: 'intent' }, { event: 'result', exitCode: 0 }]);
});

it('says why a container could not be paused', async () => {
  const ops = testOps(() => ({ exitCode: 1, stderr: 'is not running' }));
  await expect(pauseContainer(ops, 'app')).rejects.toMatchObject({
    kind: 'command',
    what: { en: expect.stringContaining('is not running') },
  });
});

it('begins nothing once the run is to stop', async () => {
  const stopped = AbortSignal.abort(new Error('stopped'));
  const ops = testOps(() => undefined, { signal: stopped });
  await expect(pauseContainer(ops, 'app')).rejects.toThrow('stopped');
  expect(ops.scripted.calls).toEqual([]);
});
