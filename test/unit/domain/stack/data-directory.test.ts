import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { findDataDirectories } from '../../../../lib/domain/stack/data-directory.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';

/** The script is run by this machine's shell, on directories that stand for the volumes. `find` is what `PATH` has first. */
function volumes(find?: string): TestOps {
  const ops = testOps(({ argv }) => {
    const script = argv.at(-1)?.replace('cd /v ', `cd ${v} `) ?? '';
    const PATH = `${bin}:${process.env.PATH}`;
    try {
      return { stdout: execFileSync('sh', ['-c', script], { env: { PATH }, encoding: 'utf8', stdio: 'pipe' }) };
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      return { exitCode: status, stderr };
    }
  });
  const [v, bin] = [path.join(ops.paths.state, 'v'), path.join(ops.paths.state, 'bin')];
  for (const dir of ['0/pg data/global', '0/pg data/base/1', '1/appendonlydir', '2'])
    mkdirSync(path.join(v, dir), { recursive: true });
  writeFileSync(path.join(v, '0/pg data/PG_VERSION'), '15\n');
  writeFileSync(path.join(v, '0/pg data/base/1/PG_VERSION'), '15\n');
  writeFileSync(path.join(v, '0/pg data/global/pg_control'), Buffer.from([7, 1, 0, 0, 0, 0, 0, 0, 9]));
  mkdirSync(bin);
  if (find !== undefined) writeFileSync(path.join(bin, 'find'), `#!/bin/sh\n${find}\n`, { mode: 0o755 });
  return ops;
}

const look = (ops: TestOps) => findDataDirectories(ops, 'sha256:abc', ['a', 'b', 'c']);

it('finds what only a server has, each once', async () => {
  const found = await look(volumes());
  expect(found.sort((a, b) => a.volume.localeCompare(b.volume))).toEqual([
    { volume: 'a', of: 'postgres', path: 'pg data', systemIdentifier: '263', major: '15' },
    { volume: 'b', of: 'redis', path: '', systemIdentifier: '', major: '' },
  ]);
});

it('calls nothing empty that can not be read', async () => {
  const denied = `echo "find: './0/pgdata': Permission denied" >&2; exit 1`;
  await expect(look(volumes(denied))).rejects.toThrow(/Permission denied/);
});

it('looks again when something vanished while it looked', async () => {
  const once = '[ -e again ] || { : > again; exit 1; }; rm again; echo ./1/dump.rdb';
  expect(await look(volumes(once))).toMatchObject([{ volume: 'b', of: 'redis' }]);
});
