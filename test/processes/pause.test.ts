import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { deployDir, launch, until } from './launch.ts';

afterEach(() => void vi.unstubAllEnvs());

/** A docker that takes its time to pause, and writes down what it did. */
function slowDocker(dir: string): () => string[] {
  const [bin, log] = [path.join(dir, 'bin'), path.join(dir, 'did')];
  mkdirSync(bin);
  const docker = path.join(bin, 'docker');
  writeFileSync(
    docker,
    `#!/bin/sh
case $1 in
pause) echo pausing >> ${log}; sleep 1; echo paused >> ${log}; echo "$2" ;;
unpause) echo unpaused >> ${log} ;;
esac
`,
  );
  chmodSync(docker, 0o755);
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
  return () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);
}

it('goes on when it was let go', async () => {
  const dir = deployDir();
  const did = slowDocker(dir);
  expect((await launch('stub', dir, ['--pause']).ended).exitCode).toBe(0);
  expect(did()).toEqual(['pausing', 'paused', 'unpaused']);
});

it('goes on when whoever holds it is killed, also before the engine has answered, which nobody reads then', async () => {
  const dir = deployDir();
  const did = slowDocker(dir);
  const run = launch('stub', dir, ['--pause']);
  await until(() => did().includes('pausing'), 'the engine has been asked');
  run.child.kill('SIGKILL');
  await until(() => did().includes('unpaused'), 'it goes on');
  expect(did()).toEqual(['pausing', 'paused', 'unpaused']);
});
