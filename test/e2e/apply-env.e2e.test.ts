import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { runScript } from '../support/run-script.ts';
import { sharedStack } from './shared.ts';
import { itInFull } from './thorough.ts';
import { underLoad, update } from './update/run.ts';
import { docker, type Stack } from './update/stack.ts';

let stack: Stack;
let file: string;

const applied = (args: readonly string[] = []) => underLoad(stack, 'apply-env', args);
const edit = (name: string, value: string) =>
  writeFileSync(file, readFileSync(file, 'utf8').replace(new RegExp(`^${name}=.*$`, 'm'), `${name}=${value}`));
const inApp = (name: string) =>
  stack
    .inApp(['sh', '-c', `tr '\\0' '\\n' < /proc/$(supervisorctl pid whalefall_web)/environ | sed -n 's/^${name}=//p'`])
    .trim();
const uploaded = async () => (await fetch(`${stack.sandbox.directUrl}/api/v1/upload/kept.txt`)).text();

// .env stays as the containers have it by then: the files that come next share the stack.
beforeAll(async () => {
  stack = await sharedStack();
  file = path.join(stack.sandbox.deployDir, '.env');
});

it('applies a changed .env without a build: the same code, files and data, the new variables', async () => {
  const was = stack.container('whalefall');
  edit('LOG_LEVEL', 'DEBUG');
  const run = await applied();
  expect(run.exitCode, run.text).toBe(0);
  expect(run.text).toMatch(/applied +LOG_LEVEL\n/);
  expect(stack.container('whalefall')).not.toBe(was);
  expect(inApp('LOG_LEVEL')).toBe('DEBUG');
  expect(new Set(run.answers?.map((a) => a.marker))).toEqual(new Set([stack.current.marker]));
  expect(await uploaded()).toContain('kept');
  expect(stack.inApp(['cat', '/app/handmade.txt'])).toContain('by hand');
  expect(run.text).not.toContain('docker compose build');
  await stack.settled();
  const again = await applied();
  expect(again.exitCode, again.text).toBe(0);
  expect(again.text).toContain('Nothing to do');
  expect(again.load.failed).toBe(0);
});

it('leaves everything as it was, .env too, when the application can not work with it', async () => {
  const was = stack.container('whalefall');
  const good = readFileSync(file, 'utf8');
  edit('CACHE_REDIS_URL', 'redis://:wrong-one@redis:6379/0');
  const refused = await applied();
  expect(refused.exitCode, refused.text).toBe(2);
  expect(refused.text).toMatch(/CACHE_REDIS_URL: does not fit REDIS_PASSWORD/);
  writeFileSync(file, good);
  expect(stack.container('whalefall')).toBe(was);
  expect(docker('inspect', '-f', '{{.State.Running}}', was).trim()).toBe('true');
});

itInFull(
  'tells the application which commit it runs, after a hot update too; a plain `compose up` leaves it alone',
  async () => {
    stack.patience(undefined, { release: { stamp: ['BUILD_HASH'] } });
    const told = () => ({ told: inApp('BUILD_HASH'), first: stack.inApp(['printenv', 'BUILD_HASH']).trim() });
    const commit = (it: string) => ({ told: it, first: it });

    const built = await stack.release();
    await stack.sandbox.pull();
    const rebuilt = await runScript('deploy-prod-all', [
      ...['--dir', stack.sandbox.deployDir, '--config', stack.config],
      ...['--yes', '--data', 'keep'],
    ]);
    expect(rebuilt.exitCode, rebuilt.text).toBe(0);
    expect(told()).toEqual(commit(built.commit));
    const id = stack.container('whalefall');
    await stack.sandbox.compose('up', '-d');
    expect(stack.container('whalefall')).toBe(id);

    const hot = await stack.release();
    const updated = await update(stack);
    expect(updated.exitCode, updated.text).toBe(0);
    expect(updated.text).toMatch(/BUILD_HASH: a container keeps what it was made with/);
    expect(told()).toEqual(commit(built.commit));
    const run = await applied();
    expect(run.exitCode, run.text).toBe(0);
    expect(told()).toEqual(commit(hot.commit));
    const examined = await runScript('doctor', [
      ...['--dir', stack.sandbox.deployDir, '--config', stack.config],
      ...['--only', 'env.*', '--quiet'],
    ]);
    expect(examined.text).not.toContain('BUILD_HASH');
    // Those who share the stack don't have it in their configuration.
    stack.patience();
    await stack.redeploy();
  },
);
