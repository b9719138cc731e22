import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { doctorScript } from '../../../../scripts/doctor.ts';
import { PASSWORD, runAdhoc } from '../../../support/adhoc-world.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

// Over real zx, on a deployment of which next to nothing answers.
const nothing = (): Reply => ({ exitCode: 1, stderr: `refused: ${PASSWORD}` });
const engine = ({ argv }: Call): Reply => {
  const line = argv.join(' ');
  if (line.startsWith('docker version')) return { stdout: '28.5.1' };
  if (line.startsWith('docker compose version')) return { stdout: '2.40.0' };
  if (line.startsWith('docker context')) return { stdout: 'default\tunix:///var/run/docker.sock' };
  return nothing();
};
const run = (answer: (call: Call) => Reply, argv: readonly string[] = [], states = {}) =>
  runAdhoc(doctorScript, { answer, argv, ...(Object.keys(states).length > 0 ? { states } : {}) });

it('has an engine that does not answer as its first finding, and ends with 1', async () => {
  const { exitCode, stdout } = await run(nothing);
  expect(stdout.split('\n')[0]).toBe('✗ engine.answers');
  expect(stdout).toContain('not asked');
  expect(stdout).not.toContain(PASSWORD);
  expect(exitCode).toBe(1);
});

it('names the container that is down before all that can’t be asked of it', async () => {
  const { stdout } = await run(engine, [], { postgres: 'running', redis: 'running', whalefall: 'exited' });
  expect(stdout.split('\n')[0]).toBe('✗ container.app');
  expect(stdout).toContain('→ docker start whalefall_1');
  expect(stdout).toMatch(/- \d+ not asked: the container of app does not run \(exited\)/);
});

it('answers to programs with an event for each check', async () => {
  const { stdout } = await run(engine, ['--json', '--only', 'container.*']);
  const events = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { event: string; id: string; level: string });
  expect(events.filter((e) => e.event === 'finding').map((e) => e.id)).toContain('container.redis');
  expect(events.at(-1)?.event).toBe('result');
});

it('is quiet when all that it was asked for is well', async () => {
  const { exitCode, stdout } = await run(engine, ['--quiet', '--only', 'engine.*,container.restart-policy']);
  expect([exitCode, stdout]).toEqual([0, '']);
});

it('ends with 1 for a warning only when it is strict', async () => {
  const only = ['--only', 'backup.age'];
  expect((await run(engine, only)).exitCode).toBe(0);
  expect((await run(engine, [...only, '--strict'])).exitCode).toBe(1);
});

it('starts what was stopped only when that is agreed to, and tells what came of it', async () => {
  const states = { postgres: 'running', redis: 'running', whalefall: 'paused' };
  const answer = (call: Call): Reply => (call.argv.join(' ') === 'docker unpause whalefall_1' ? {} : engine(call));
  const unpaused = async (...more: string[]) => {
    const ran = await run(answer, ['--fix', '--only', 'container.app', ...more], states);
    return [ran.exitCode, ran.calls.filter(({ argv }) => argv[1] === 'unpause').length, /Afterwards/.test(ran.stdout)];
  };
  expect(await unpaused()).toEqual([1, 0, false]);
  expect(await unpaused('--yes')).toEqual([1, 1, true]);
});

it('only shows with --plan what it would start, or pack', async () => {
  const states = { postgres: 'running', redis: 'running', whalefall: 'paused' };
  const fix = await run(engine, ['--fix', '--plan', '--yes', '--only', 'container.app'], states);
  expect(fix.stdout).toContain('Would be asked about: docker unpause whalefall_1');
  expect(fix.calls.filter(({ argv }) => argv[1] === 'unpause')).toEqual([]);
  expect([fix.exitCode, existsSync(path.join(fix.dir, '.whalefall-ops'))]).toEqual([0, false]);

  const archive = path.join(fix.dir, 'doctor.tar.gz');
  const pack = await run(engine, ['--bundle', archive, '--plan', '--yes']);
  expect(pack.stdout).toMatch(/findings\.json +what is wrong/);
  expect([pack.exitCode, existsSync(archive)]).toEqual([0, false]);
});

it('does one thing at a time', async () => {
  for (const argv of [
    ['--fix', '--watch'],
    ['--fix', '--bundle', '/nowhere/doctor.tar.gz'],
    ['--watch', '--explain', 'env.drift'],
  ]) {
    const { exitCode, stdout, calls } = await run(nothing, argv);
    expect(stdout).toContain('--explain, --bundle, --watch and --fix exclude one another');
    expect([exitCode, calls]).toEqual([2, []]);
  }
});

it('starts nothing that another directory made, or that a run from there works on', async () => {
  const states = { postgres: 'running', redis: 'running', whalefall: 'paused' };
  for (const [foreign, code, words] of [
    [{ madeBy: '/' }, 3, 'was made by another directory'],
    [{ projectLocked: true }, 5, 'holds compose project shop'],
  ] as const) {
    const argv = ['--fix', '--yes', '--only', 'container.app'];
    const ran = await runAdhoc(doctorScript, { answer: engine, argv, states, ...foreign });
    expect(ran.stdout.split('\n')[0]).toBe('✗ container.app');
    expect(ran.stdout).toContain(words);
    expect(ran.calls.filter(({ argv: [, command] }) => command === 'unpause')).toEqual([]);
    expect(ran.exitCode).toBe(code);
  }
});

it('explains a check without asking anything, and refuses one that there is not', async () => {
  const { stdout, calls } = await run(nothing, ['--explain', 'env.drift', '--lang', 'zh']);
  expect(stdout).toContain('.env 与应用启动时一致');
  expect(calls).toEqual([]);
  expect((await run(nothing, ['--explain', 'no.such'])).exitCode).toBe(2);
});

it('writes no archive that nobody agreed to, and leaves logs out whose secrets it does not know', async () => {
  const { exitCode, stdout, dir } = await run(engine, ['--bundle', '/nowhere/doctor.tar.gz']);
  expect(stdout).toMatch(/logs\/postgres\.log +left out: which secrets may stand in it is not known/);
  expect(stdout).not.toContain(PASSWORD);
  expect(exitCode).toBe(4);
  expect(existsSync(path.join(dir, '.whalefall-ops'))).toBe(false);
});
