import { existsSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { copyOut } from '../../../../lib/tools/docker/container-files.ts';
import { testOps } from '../../../support/ops.ts';

it.each([
  ['that came to nothing', { stderr: 'write /dev/stdout: no space left on device', exitCode: 1 }],
  ['of what there is not', { stderr: 'Could not find the file /app/userdata in container feed', exitCode: 1 }],
])('leaves no part of a copy %s', async (_what, reply) => {
  const ops = testOps(() => ({ stdout: 'the beginning of a tar', ...reply }));
  const file = path.join(ops.paths.run, 'userdata.tar');
  expect(await copyOut(ops, 'feed', '/app/userdata', file).catch(() => 'failed')).toBe(
    reply.stderr.startsWith('Could') ? false : 'failed',
  );
  expect(existsSync(file)).toBe(false);
  expect(ops.scripted.calls, 'another one would be written behind it').toHaveLength(1);
  await copyOut(ops, 'feed', '/app/userdata', devNull).catch(() => undefined);
  expect(existsSync(devNull)).toBe(true);
});

it('keeps a copy that is whole', async () => {
  const ops = testOps(() => ({ stdout: 'a tar' }));
  const file = path.join(ops.paths.run, 'userdata.tar');
  expect(await copyOut(ops, 'feed', '/app/userdata', file)).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('a tar');
});
