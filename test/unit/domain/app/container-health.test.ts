import { expect, it } from 'vitest';
import { containerHealth } from '../../../../lib/domain/app/container-health.ts';
import type { Container } from '../../../../lib/tools/docker/containers.ts';
import { testOps } from '../../../support/ops.ts';
import type { Reply } from '../../../support/scripted-spawn.ts';

const app = { id: 'cid', name: 'app', restartCount: 1 } as Container;
const CURL = ['CMD', 'curl', '-f', 'http://localhost/health'];

interface Seen {
  readonly status?: string;
  readonly restarts?: number;
  /** The engine's opinion, and when it had it. */
  readonly says?: string;
  readonly looked?: string;
}

/** A container with a check that answers from one list, and the engine's view of it from another. */
function container(config: object, checks: Reply[], views: Seen[]) {
  const next = <T>(list: T[]) => (list.length > 1 ? list.shift() : list[0]) as T;
  return testOps(({ argv }) => {
    if (argv[1] === 'exec') return next(checks);
    const { status = 'running', restarts = 1, says = 'starting', looked } = next(views);
    const Log = looked === undefined ? null : [{ Start: looked }];
    const seen = {
      ...{ Id: 'cid', Name: '/app', Image: 'sha256:1', RestartCount: restarts },
      State: {
        StartedAt: '2026-01-01T00:00:00Z',
        FinishedAt: '0001-01-01T00:00:00Z',
        Status: status,
        Health: { Status: says, Log },
      },
      Config: { Labels: null, ...config },
      Mounts: [],
      NetworkSettings: { Ports: null, Networks: {} },
    };
    return { stdout: JSON.stringify([seen]) };
  });
}

const check = (Test: readonly string[], more: object = {}) => ({
  Healthcheck: { Test, Interval: 30e9, Timeout: 10e9, ...more },
});
const execs = (ops: ReturnType<typeof container>) =>
  ops.scripted.calls.flatMap((c) => (c.argv[1] === 'exec' ? [c.argv.slice(2)] : []));

it.each([
  ['CMD', check(CURL), ['curl', '-f', 'http://localhost/health']],
  ['CMD-SHELL', check(['CMD-SHELL', 'curl -f x || exit 1']), ['/bin/sh', '-c', 'curl -f x || exit 1']],
  [
    'CMD-SHELL with a shell of the image',
    { ...check(['CMD-SHELL', 'x']), Shell: ['/bin/ash', '-ec'] },
    ['/bin/ash', '-ec', 'x'],
  ],
] as const)('runs what the engine would run, at once: %s', async (_what, config, argv) => {
  const ops = container(config, [{}], [{}]);
  const { evidence } = await containerHealth(ops, app);
  expect(execs(ops)).toEqual([['cid', ...argv]]);
  expect(ops.clock.monotonic()).toBe(0);
  expect(evidence.en).toMatch(/health check passes; the engine, which still says starting, looks again within 30 s/);
});

it.each([
  ['none', {}],
  ['null', { Healthcheck: null }],
  ['one that was switched off', check(['NONE'])],
  ['one of no words', check([])],
])('runs nothing for a container without a check: %s', async (_what, config) => {
  const ops = container(config, [{ exitCode: 1 }], [{}]);
  expect((await containerHealth(ops, app)).evidence.en).toBe('the container has no health check');
  expect(execs(ops)).toEqual([]);
});

it('takes the engine’s defaults where the check names no times', async () => {
  const ops = container(check(CURL, { Interval: 0, Timeout: 0 }), [{}], [{}]);
  expect((await containerHealth(ops, app)).evidence.en).toContain('within 30 s');
});

it('says nothing of the engine when it agrees', async () => {
  const ops = container(check(CURL), [{}], [{ says: 'healthy', looked: '1' }]);
  expect((await containerHealth(ops, app)).evidence.en).toBe("the container's health check passes");
});

it('believes its check rather than an older look of the engine, and says so', async () => {
  const ops = container(check(CURL), [{}], [{ says: 'unhealthy', looked: '1' }]);
  expect((await containerHealth(ops, app)).evidence.en).toMatch(/still says unhealthy, looks again within 30 s/);
});

it('believes a newer look of the engine', async () => {
  const views = [
    { says: 'starting', looked: '1' },
    { says: 'unhealthy', looked: '2' },
  ];
  await expect(containerHealth(container(check(CURL), [{}], views), app)).rejects.toMatchObject({
    what: { en: expect.stringMatching(/^Not proved: the engine says app is unhealthy; .*passed just before/) },
  });
});

it('tries again while a check fails that the engine has not condemned', async () => {
  const ops = container(check(CURL), [{ exitCode: 22 }, { exitCode: 22 }, {}], [{}]);
  await containerHealth(ops, app);
  expect(execs(ops)).toHaveLength(3);
});

it('ends at once when both say that it is not healthy, with what the check said', async () => {
  const ops = container(check(CURL), [{ exitCode: 22, stderr: 'returned error: 503' }], [{ says: 'unhealthy' }]);
  await expect(containerHealth(ops, app)).rejects.toMatchObject({
    what: { en: expect.stringMatching(/^Not proved: the engine says app is unhealthy; [\s\S]*returned error: 503/) },
  });
  expect(ops.clock.monotonic()).toBe(0);
});

it('gives up on a check that never passes', async () => {
  const ops = container(check(CURL), [{ exitCode: 1 }], [{}]);
  await expect(containerHealth(ops, app)).rejects.toMatchObject({
    what: { en: expect.stringMatching(/^Not proved: the engine says app is starting/) },
  });
});

it.each([
  ['restarted', { restarts: 2 }, /was restarted 2 times/],
  ['ended', { status: 'exited' }, /is exited/],
  ['paused', { status: 'paused' }, /is paused/],
])('does not take the check of a container for its health that was %s meanwhile', async (_what, after, words) => {
  const ops = container(check(CURL), [{}], [{}, after]);
  await expect(containerHealth(ops, app)).rejects.toMatchObject({ what: { en: expect.stringMatching(words) } });
});
