import { expect, it } from 'vitest';
import { CommandError, run } from '../../../../lib/core/run.ts';
import { retryWhileRestarting } from '../../../../lib/domain/app/retry.ts';
import { exec } from '../../../../lib/tools/docker/docker.ts';
import { fakeClock, testOps } from '../../../support/ops.ts';

const inspected = (Status: string) =>
  JSON.stringify([
    {
      Id: 'c',
      Name: '/app',
      Image: 'sha256:i',
      RestartCount: 0,
      State: { Status, StartedAt: '2026-01-02T03:04:05Z', FinishedAt: '2026-01-02T03:04:05Z' },
      Config: { Labels: {} },
      Mounts: [],
      NetworkSettings: { Ports: {}, Networks: {} },
    },
  ]);

it('gives a container up that dies whenever it is started, with what the deed in it said', async () => {
  const clock = fakeClock();
  const hasty = { ...clock, sleep: (ms: number) => clock.sleep(Math.max(ms, 2_000)) };
  const respond: Parameters<typeof testOps>[0] = ({ argv }) => {
    if (argv[1] === 'inspect') return { stdout: inspected('exited') };
    return argv[1] === 'exec' ? { exitCode: 1, stderr: 'container c is not running' } : {};
  };
  const ops = testOps(respond, { clock: hasty });
  const deed = () => run(ops, exec('change', 'c', ['true']));
  await expect(retryWhileRestarting(ops, 'c', deed)).rejects.toThrow(CommandError);
  const starts = ops.scripted.calls.filter(({ argv }) => argv[1] === 'start').length;
  expect(starts).toBeGreaterThan(1);
  expect(starts).toBeLessThan(100);
  expect(ops.clock.monotonic()).toBeLessThan(150_000);
});
