import { expect, it } from 'vitest';
import { requestHold } from '../../../../lib/domain/hold/hold.ts';
import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

/** Stops the application where requests can't wait. @returns the warnings. */
async function stopped(exitCode: number, state: 'running' | 'exited' = 'running'): Promise<string[]> {
  const after = {
    ...{ Id: 'app', Name: '/app', Image: 'sha256:1', RestartCount: 0, Mounts: [] },
    State: { Status: 'exited', StartedAt: '', FinishedAt: '', ExitCode: exitCode },
    Config: { Labels: null },
    NetworkSettings: { Ports: null, Networks: {} },
  };
  const ops = testOps(() => ({ stdout: JSON.stringify([after]) }));
  const hold = requestHold({ kind: 'plain', why: { en: '', zh: '' } });
  await hold.drain(ops, container('app', { state }), async (atOnce) => expect(atOnce).toBe(false));
  return ops.shown.flatMap((shown) => (shown.event === 'warning' ? [shown.text.en] : []));
}

it('says where a job outlasted the stop of the container, and was cut', async () => {
  expect(await stopped(137)).toEqual([expect.stringContaining('stop_grace_period')]);
  expect(await stopped(0)).toEqual([]);
  expect(await stopped(137, 'exited'), 'it had ended before').toEqual([]);
});
