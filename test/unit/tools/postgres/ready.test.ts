import { expect, it } from 'vitest';
import type { Container } from '../../../../lib/tools/docker/containers.ts';
import type { Database } from '../../../../lib/tools/postgres/psql.ts';
import { waitForPostgres } from '../../../../lib/tools/postgres/ready.ts';
import { waitForRedis } from '../../../../lib/tools/redis/ready.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

const container = { id: 'cid', name: 'store', restartCount: 0 } as Container;
const db = { container, user: 'app_user', name: 'appdb' } as Database;

/** Answers the question asked again and again from a list; the container runs unless told otherwise. */
function store(answers: Reply[], state = 'running 0 0 false') {
  return testOps((call: Call) => {
    if (call.argv[1] === 'inspect') return { stdout: `${state}\n` };
    if (call.argv[1] === 'logs') return { stdout: 'out\n', stderr: 'FATAL: pw12345 \x1b[31m\n' };
    return answers.length > 1 ? answers.shift() : answers[0];
  });
}

it('asks PostgreSQL over TCP until it is ready', async () => {
  const ops = store([{ exitCode: 2 }, { exitCode: 1 }, { exitCode: 0 }]);
  await waitForPostgres(ops, db, 10_000);
  const asked = ops.scripted.calls.filter((c) => c.argv[1] === 'exec');
  expect(asked).toHaveLength(3);
  expect(asked[0]?.argv.join(' ')).toBe('docker exec cid pg_isready -q -h 127.0.0.1 -U app_user -d appdb');
  expect(ops.clock.monotonic()).toBe(400);
});

it('gives up at the deadline, with the log', async () => {
  const ops = store([{ exitCode: 2 }]);
  ops.secrets.add('pw12345');
  await expect(waitForPostgres(ops, db, 1_000)).rejects.toMatchObject({
    kind: 'deadline',
    next: [{ en: expect.stringContaining('FATAL: [secret] \\x1b[31m') }],
  });
  expect(ops.clock.monotonic()).toBe(1_000);
});

it.each([
  ['ended', 'exited 0 3 false', /is exited; exit code 3/],
  ['removed', '', /is removed/],
  ['restarting', 'restarting 4 1 false', /restarted \(4 times\)/],
  ['crashed and running again', 'running 1 0 false', /restarted \(1 times\)/],
  ['out of memory', 'exited 0 137 true', /out of memory/],
])('gives up at once when the container has %s', async (_what, state, words) => {
  const ops = store([{ exitCode: 1 }], state);
  await expect(waitForPostgres(ops, db, 60_000)).rejects.toMatchObject({
    kind: 'command',
    what: { en: expect.stringMatching(words) },
  });
  expect(ops.clock.monotonic()).toBe(0);
});

it('does not count restarts from before', async () => {
  const ops = store([{ exitCode: 2 }, { exitCode: 0 }], 'running 7 0 false');
  await waitForPostgres(ops, { ...db, container: { ...container, restartCount: 7 } }, 1_000);
});

it('waits for an authenticated PONG', async () => {
  const ops = store([
    { exitCode: 1, stderr: 'Could not connect to Redis at 127.0.0.1:6379: Connection refused' },
    { stdout: 'LOADING Redis is loading the dataset in memory\n\n' },
    { stdout: 'PONG\n' },
  ]);
  Object.assign(ops.target, { ports: { ...ops.target.ports, redis: 6380 } });
  await waitForRedis(ops, container, 'pw12345', 10_000);
  const asked = ops.scripted.calls.filter((c) => c.argv[1] === 'exec');
  expect(asked.map((c) => c.argv.join(' '))).toEqual(
    Array(3).fill('docker exec -e REDISCLI_AUTH cid redis-cli -p 6380 -h 127.0.0.1 ping'),
  );
  expect(asked[0]?.env.REDISCLI_AUTH).toBe('pw12345');
});

it.each([
  ['NOAUTH, with exit code 0', { stdout: 'NOAUTH Authentication required.\n\n' }, /refuses the password/],
  [
    'a wrong password',
    { stderr: 'AUTH failed: WRONGPASS invalid username-password pair\n', stdout: 'NOAUTH Authentication required.\n' },
    /refuses the password/,
  ],
  [
    'no password at all, followed by a PONG',
    {
      stderr: 'AUTH failed: ERR AUTH <password> called without any password configured for the default user.\n',
      stdout: 'PONG\n',
    },
    /without a password/,
  ],
] as [string, Reply, RegExp][])('says at once that Redis wants %s', async (_what, reply, words) => {
  const ops = store([reply]);
  await expect(waitForRedis(ops, container, 'pw12345', 60_000)).rejects.toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringMatching(words) },
  });
  expect(ops.clock.monotonic()).toBe(0);
});
