import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commentOf } from '../../lib/domain/hold/rules.ts';
import { startLoadFrom } from '../support/load.ts';
import { launchScript, runScript } from '../support/run-script.ts';
import { Elsewhere } from './hold/elsewhere.ts';
import { leftOf } from './hold/left.ts';
import { itInFull } from './thorough.ts';
import { docker, Stack } from './update/stack.ts';

let stack: Stack;
let elsewhere: Elsewhere;

const left = () => {
  const state = path.join(stack.sandbox.deployDir, '.whalefall-ops');
  return leftOf(stack.sandbox.project, commentOf({ state }));
};
const deploy = (...args: string[]) =>
  runScript('deploy-prod-all', ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes', ...args]);

const maintenance = (...args: string[]) =>
  runScript('maintenance', [...args, '--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes']);

beforeAll(async () => {
  stack = await Stack.prepared('wfops-hold');
  await stack.deploy();
  elsewhere = new Elsewhere(0);
});

afterAll(async () => {
  elsewhere?.remove();
  await stack?.down();
});

it('no request fails while a full rebuild replaces the container: over loopback, from another machine, through nginx and past it', async () => {
  const { http, direct } = stack.sandbox.options.ports;
  const mixture = ['--rate', '10', '--slow-every', '20', '--post-every', '7'];
  const hosts = [{ enter: [], host: '127.0.0.1' }, elsewhere];
  const loads = await Promise.all(
    hosts.flatMap(({ enter, host }) =>
      [http, direct].map((port) => startLoadFrom(enter, `http://${host}:${port}/api/v1/health`, ...mixture)),
    ),
  );
  await stack.release();
  await stack.sandbox.pull();
  const ended = await deploy('--data', 'keep');
  const reports = await Promise.all(loads.map((load) => load.stop()));
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/requests meanwhile +wait at ports/);
  expect(ended.text).toMatch(/production was down +0 ms \(nginx 0 of \d+ requests failed/);
  for (const report of reports) {
    console.log(JSON.stringify(report));
    expect(report, ended.text).toMatchObject({ failed: 0 });
    expect(report.sent).toBeGreaterThan(50);
  }
  expect(left()).toEqual([]);
});

it('a maintenance page for work by hand: seen from everywhere, kept without a terminal, taken away; nothing of it is left', async () => {
  const { http, direct } = stack.sandbox.options.ports;
  const statuses = () =>
    [{ enter: [], host: '127.0.0.1' }, elsewhere].flatMap(({ enter, host }) =>
      [http, direct].map((port) => statusFrom(enter, `http://${host}:${port}/api/v1/health/basic`)),
    );
  expect(await maintenance('status')).toMatchObject({ exitCode: 0, text: expect.stringContaining('is off') });
  const on = await maintenance('on', '--for', '10m');
  expect(on.exitCode, on.text).toBe(0);
  expect(on.text).toMatch(/is on at ports [\d, ]+, until \S+ at the latest/);
  expect(statuses()).toEqual(['503', '503', '503', '503']);

  // Work by hand: the application goes and comes, and visitors go on seeing the page.
  docker('stop', '-t', '1', stack.container('whalefall'));
  expect(statuses()).toEqual(['503', '503', '503', '503']);
  docker('start', stack.container('whalefall'));
  const refused = await deploy('--data', 'keep');
  expect(refused, refused.text).toMatchObject({ exitCode: 5, text: expect.stringContaining('maintenance keep') });

  await expect
    .poll(async () => (await maintenance('status')).text, { timeout: 60_000 })
    .toMatch(/turned away +[1-9]\d* connections/);
  await stack.settled();
  const off = await maintenance('off');
  expect(off.exitCode, off.text).toBe(0);
  expect(statuses()).toEqual(['200', '200', '200', '200']);
  expect(left()).toEqual([]);
});

itInFull('a maintenance page whose keeper was killed ends by itself', async () => {
  const { http } = stack.sandbox.options.ports;
  const keeper = launchScript('maintenance', ['keep', '--dir', stack.sandbox.deployDir, '--config', stack.config]);
  const status = () => statusFrom([], `http://127.0.0.1:${http}/api/v1/health/basic`);
  await expect.poll(status, { timeout: 60_000 }).toBe('503');
  keeper.signal('SIGKILL');
  await keeper.ended;
  await expect.poll(status, { timeout: 60_000 }).toBe('200');
  expect((await deploy('--data', 'keep', '--plan')).exitCode).toBe(0);

  // Its rules have no effect any more; the next run that may change something takes them away.
  const off = await maintenance('off');
  expect(off.exitCode, off.text).toBe(0);
  expect(left()).toEqual([]);
});

const statusFrom = (enter: readonly string[], url: string): string => {
  const [program = '', ...args] = [
    ...enter,
    'curl',
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '--max-time',
    '20',
    url,
  ];
  return spawnSync(program, args, { encoding: 'utf8' }).stdout;
};
