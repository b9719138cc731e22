import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ended, launchScript, runScript } from '../support/run-script.ts';
import { itInFull } from './thorough.ts';
import { pause, stepBegins } from './update/disturb.ts';
import { docker, Stack } from './update/stack.ts';

// The container that serves is the way back. One sandbox; each case leaves it serving, and its files as they were.
let stack: Stack;

const KEEP = ['--yes', '--data', 'keep', '--lock-wait', '180s'];
const common = () => ['--dir', stack.sandbox.deployDir, '--config', stack.config];
const deploy = (...args: string[]): Promise<Ended> => runScript('deploy-prod-all', [...common(), ...KEEP, ...args]);
const ids = () => (['postgres', 'redis', 'whalefall'] as const).map((service) => stack.container(service));
const aside = () =>
  docker('ps', '-a', '--format', '{{.Names}}', '--filter', `label=com.docker.compose.project=${stack.sandbox.project}`)
    .split('\n')
    .filter((name) => /-(next|before)-|template/.test(name));
const uploaded = async () => (await fetch(`${stack.sandbox.directUrl}/api/v1/upload/kept.txt`)).text();
const healthy = async () =>
  ((await (await fetch(`${stack.sandbox.directUrl}/api/v1/health`)).json()) as { success: boolean }).success;

/** A file of the deploy directory is another one meanwhile. */
async function withFile<T>(name: string, edit: (text: string) => string, use: () => Promise<T>): Promise<T> {
  const file = path.join(stack.sandbox.deployDir, name);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, edit(text));
  expect(readFileSync(file, 'utf8')).not.toBe(text);
  try {
    return await use();
  } finally {
    writeFileSync(file, text);
  }
}

const COMPOSE = 'docker-compose.prod.yml';
/** Of TEST-NET-3: no machine has it. */
const elsewhere = (target: number) => (text: string) =>
  text.replace(new RegExp(`"[\\d.]+:(\\d+:${target})"`), '"203.0.113.9:$1"');

async function expectTheSame(before: readonly string[]): Promise<void> {
  expect(ids()).toEqual(before);
  expect(aside()).toEqual([]);
  expect(await healthy()).toBe(true);
  expect(await uploaded()).toContain('kept');
}

beforeAll(async () => {
  stack = await Stack.prepared('wfops-way-back');
  await stack.deploy();
});
afterAll(() => stack?.down());

it('a compose file that can not run: the very containers that served serve again, and a plain `up -d` leaves them alone', async () => {
  const before = ids();
  const ended = await withFile(COMPOSE, elsewhere(80), () => deploy());
  // Found before anything stops, or, where that is not looked for, undone.
  expect([1, 3], ended.text).toContain(ended.exitCode);
  await expectTheSame(before);
  await stack.sandbox.compose('up', '-d');
  await expectTheSame(before);
});

itInFull('the same for a store', async () => {
  const before = ids();
  const ended = await withFile(COMPOSE, elsewhere(6379), () => deploy());
  expect([1, 3], ended.text).toContain(ended.exitCode);
  await expectTheSame(before);
});

itInFull('a changed .env with which nothing starts: the former release serves with the one that it had', async () => {
  const before = ids();
  const env = readFileSync(path.join(stack.sandbox.deployDir, '.env'), 'utf8');
  const release = await stack.release({ never_healthy: true });
  await stack.sandbox.pull();
  const other = (text: string) => text.replace(/^POSTGRES_PASSWORD=.*$/m, 'POSTGRES_PASSWORD=another-password-4711');
  const ended = await withFile('.env', other, () => deploy());
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toContain('.env is again the one');
  expect(readFileSync(path.join(stack.sandbox.deployDir, '.env'), 'utf8')).toBe(env);
  expect(stack.current.commit).not.toBe(release.commit);
  await expectTheSame(before);
});

itInFull('killed between the stop and the start: the next start ends well, with userdata', async () => {
  await stack.release();
  await stack.sandbox.pull();
  for (const [step, after] of [
    ['stop', 2_000],
    ['start-app', 0],
    ['start-app', 700],
    ['prove', 500],
  ] as const) {
    const running = launchScript('deploy-prod-all', [...common(), '--json', ...KEEP]);
    await stepBegins(running, step);
    await pause(after);
    running.signal('SIGKILL');
    await running.ended;
    const next = await deploy();
    expect(next.exitCode, next.text).toBe(0);
    expect(aside()).toEqual([]);
    expect(await uploaded()).toContain('kept');
  }
});

itInFull('rolls back to the former release over a compose file that has changed since', async () => {
  await stack.release();
  await stack.sandbox.pull();
  expect((await deploy()).exitCode).toBe(0);
  const ended = await withFile(COMPOSE, elsewhere(80), () =>
    runScript('rollback-prod', [...common(), 'previous', '--way', 'image', '--yes']),
  );
  expect(ended.exitCode, ended.text).toBe(0);
  expect(await healthy()).toBe(true);
  expect(await uploaded()).toContain('kept');
});
