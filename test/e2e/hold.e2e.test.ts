import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commentOf } from '../../lib/domain/hold/rules.ts';
import { startLoadFrom } from '../support/load.ts';
import { runScript } from '../support/run-script.ts';
import { Elsewhere } from './hold/elsewhere.ts';
import { leftOf } from './hold/left.ts';
import { Stack } from './update/stack.ts';

let stack: Stack;
let elsewhere: Elsewhere;

const left = () => {
  const state = path.join(stack.sandbox.deployDir, '.whalefall-ops');
  return leftOf(stack.sandbox.project, commentOf({ state }));
};
const deploy = (...args: string[]) =>
  runScript('deploy-prod-all', ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes', ...args]);

beforeAll(async () => {
  stack = await Stack.prepared('wfops-hold');
  await stack.deploy();
  elsewhere = new Elsewhere();
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
