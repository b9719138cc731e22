import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { type RunOptions, runScript } from '../support/run-script.ts';
import { itInFull } from './thorough.ts';

// Whose stack is it: by the labels that the engine's own compose puts on what it makes. Only the stores run: nothing gets further than a plan.
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-owner-'));
let sandbox: Sandbox;
let second: string;

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const running = () => {
  const of = `label=com.docker.compose.project=${sandbox.project}`;
  return docker('ps', '-a', '--no-trunc', '--filter', of, '--format', '{{.ID}} {{.State}}').split('\n').sort();
};
const plan = (dir: string, args: readonly string[] = [], options: RunOptions = {}) =>
  runScript('deploy-prod-all', ['--dir', dir, '--data', 'keep', '--plan', ...args], options);

beforeAll(async () => {
  sandbox = await createFreshSandbox({
    name: 'wfops-owner',
    root,
    ports: { http: 28540, direct: 28541, postgres: 28542, redis: 28543 },
  });
  sandbox.writeEnv();
  await sandbox.compose('up', '-d', '--no-deps', 'postgres', 'redis');
  second = path.join(root, 'second', sandbox.project);
  cpSync(sandbox.deployDir, second, { recursive: true });
  const env = readFileSync(path.join(second, '.env'), 'utf8');
  writeFileSync(
    path.join(second, '.env'),
    env.replace(/^POSTGRES_PASSWORD=.*$/m, 'POSTGRES_PASSWORD=of-the-second-4711'),
  );
});

afterAll(async () => {
  await sandbox?.down();
  rmSync(root, { recursive: true, force: true });
});

it('refuses a second checkout in a directory of the same name, and names both', async () => {
  const before = running();
  const ended = await runScript('deploy-prod-all', ['--dir', second, '--yes', '--data', 'keep']);
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.text).toContain(`was made by another directory: ${sandbox.deployDir} (`);
  expect(ended.text).toContain(`This one is ${second}.`);
  expect(running()).toEqual(before);
});

itInFull('knows the directory by another path, after it was moved, and by another project’s name', async () => {
  const link = path.join(root, 'links', sandbox.project);
  mkdirSync(path.dirname(link));
  symlinkSync(sandbox.deployDir, link);
  const linked = await plan(link);
  expect(linked.exitCode, linked.text).toBe(0);

  const env = readFileSync(path.join(sandbox.deployDir, '.env'), 'utf8');
  writeFileSync(path.join(sandbox.deployDir, '.env'), `${env}COMPOSE_PROJECT_NAME=renamed\n`);
  const renamed = await plan(sandbox.deployDir);
  expect(renamed).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining(`runs as compose project ${sandbox.project} (`),
  });
  writeFileSync(path.join(sandbox.deployDir, '.env'), env);

  const moved = path.join(root, 'moved', sandbox.project);
  mkdirSync(path.dirname(moved));
  renameSync(sandbox.deployDir, moved);
  expect(await plan(moved)).toMatchObject({ exitCode: 3, text: expect.stringContaining(`Was it moved to ${moved}?`) });
  const adopting = await plan(moved, ['--adopt']);
  renameSync(moved, sandbox.deployDir);
  expect(adopting).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining('takes over what another directory made'),
  });
});

it('refuses another machine’s engine, and says where it came from', async () => {
  const env = { DOCKER_HOST: 'tcp://ops:a-secret@192.0.2.1:2376' };
  const ended = await plan(sandbox.deployDir, [], { env });
  expect(ended).toMatchObject({ exitCode: 3, text: expect.stringContaining('tcp://192.0.2.1:2376 (DOCKER_HOST)') });
  expect(ended.text).toContain('unset DOCKER_HOST');
});
