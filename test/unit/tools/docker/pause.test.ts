import { expect, it, vi } from 'vitest';
import { KILL_AFTER_MS } from '../../../../lib/core/command.ts';
import { pauseContainer } from '../../../../lib/tools/docker/pause.ts';
import { testOps } from '../../../support/ops.ts';

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

it('is ended by SIGKILL when the engine does not answer its end either', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const ops = testOps(() => ({ hangs: true, trapsTerm: true }));
    const result = pauseContainer(ops, 'app').catch((e: unknown) => e);
    await vi.advanceTimersByTimeAsync(15_000);
    await vi.advanceTimersByTimeAsync(KILL_AFTER_MS);
    expect(ops.scripted.signals.map((s) => s.signal)).toEqual(['SIGTERM', 'SIGKILL']);
    expect(await result).toMatchObject({ kind: 'deadline' });
  } finally {
    vi.useRealTimers();
  }
});
