import { expect, it } from 'vitest';
import { watch } from '../../../../lib/flows/doctor/examine.ts';
import { checkOf } from '../../../../lib/flows/doctor/select.ts';
import { testOps } from '../../../support/ops.ts';

it('shows all at first, then only what has changed, until it is stopped', async () => {
  const stop = new AbortController();
  let looks = 0;
  const respond = ({ argv }: { readonly argv: readonly string[] }) => {
    const line = argv.join(' ');
    if (line.startsWith('docker version')) {
      looks += 1;
      if (looks === 4) stop.abort(new Error('stopped'));
      return looks < 3 ? { exitCode: 1, stderr: 'no engine' } : { stdout: '28.5.1' };
    }
    if (line.startsWith('docker compose version')) return { stdout: '2.40.0' };
    if (line.startsWith('docker context')) return { stdout: 'default\tunix:///var/run/docker.sock' };
    return { exitCode: 1 };
  };
  const ops = testOps(respond, { signal: stop.signal });
  await expect(watch(ops, [checkOf('engine.answers')], 5, { all: false, quiet: false })).rejects.toThrow('stopped');
  const told = ops.shown.flatMap((e) => (e.event === 'finding' ? [`${e.id} ${e.level}`] : []));
  expect(told).toEqual(['engine.answers FAIL', 'engine.answers OK']);
});
