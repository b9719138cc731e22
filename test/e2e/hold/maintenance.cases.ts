import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { launchScript, runScript } from '../../support/run-script.ts';
import { itInFull } from '../thorough.ts';
import { docker, type Stack } from '../update/stack.ts';
import type { Elsewhere } from './elsewhere.ts';
import { leftOfStack } from './left.ts';

const deploy = ({ sandbox, config }: Stack, ...args: string[]) =>
  runScript('deploy-prod-all', ['--dir', sandbox.deployDir, '--config', config, '--yes', ...args]);

/** Production behind a page, on a stack that other machines reach; it serves again afterwards, what it served. */
export function maintenanceCases(stack: () => Stack, elsewhere: () => Elsewhere): void {
  const maintenance = (...args: string[]) =>
    runScript('maintenance', [...args, '--dir', stack().sandbox.deployDir, '--config', stack().config, '--yes']);

  it('a maintenance page for work by hand: seen from everywhere, kept without a terminal, taken away; nothing of it is left', async () => {
    const { http, direct } = stack().sandbox.options.ports;
    const statuses = () =>
      [{ enter: [], host: '127.0.0.1' }, elsewhere()].flatMap(({ enter, host }) =>
        [http, direct].map((port) => statusFrom(enter, `http://${host}:${port}/api/v1/health/basic`)),
      );
    expect(await maintenance('status')).toMatchObject({ exitCode: 0, text: expect.stringContaining('is off') });
    const on = await maintenance('on', '--for', '10m');
    expect(on.exitCode, on.text).toBe(0);
    expect(on.text).toMatch(/is on at ports [\d, ]+, until \S+ at the latest/);
    expect(statuses()).toEqual(['503', '503', '503', '503']);

    // Work by hand: the application goes and comes, and visitors go on seeing the page.
    docker('stop', '-t', '1', stack().container('whalefall'));
    expect(statuses()).toEqual(['503', '503', '503', '503']);
    docker('start', stack().container('whalefall'));
    const refused = await deploy(stack(), '--data', 'keep');
    expect(refused, refused.text).toMatchObject({ exitCode: 5, text: expect.stringContaining('maintenance keep') });

    await expect
      .poll(async () => (await maintenance('status')).text, { timeout: 60_000 })
      .toMatch(/turned away +[1-9]\d* connections/);
    await stack().settled();
    const off = await maintenance('off');
    expect(off.exitCode, off.text).toBe(0);
    expect(statuses()).toEqual(['200', '200', '200', '200']);
    expect(leftOfStack(stack())).toEqual([]);
  });

  itInFull('a maintenance page whose keeper was killed ends by itself', async () => {
    const { http } = stack().sandbox.options.ports;
    const keeper = launchScript('maintenance', [
      'keep',
      '--dir',
      stack().sandbox.deployDir,
      '--config',
      stack().config,
    ]);
    const status = () => statusFrom([], `http://127.0.0.1:${http}/api/v1/health/basic`);
    await expect.poll(status, { timeout: 60_000 }).toBe('503');
    keeper.signal('SIGKILL');
    await keeper.ended;
    await expect.poll(status, { timeout: 60_000 }).toBe('200');
    expect((await deploy(stack(), '--data', 'keep', '--plan')).exitCode).toBe(0);

    // Its rules have no effect any more; the next run that may change something takes them away.
    const off = await maintenance('off');
    expect(off.exitCode, off.text).toBe(0);
    expect(leftOfStack(stack())).toEqual([]);
  });
}

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
