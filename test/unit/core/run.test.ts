import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import type { Clock } from '../../../lib/core/ops.ts';
import { change, KILL_AFTER_MS, onceInRun, read, run } from '../../../lib/core/run.ts';
import { fakeClock, testOps } from '../../support/ops.ts';
import { type Reply, takeViolations } from '../../support/scripted-spawn.ts';

const nasty = ['a b', "it's", '$HOME', '`id`', '--', '-rf', 'ä中', 'line\nbreak', '', '"q"', '~', '#x', '\\'];

it('hands every argument to the program unchanged', async () => {
  const ops = testOps(() => ({}));
  await run(ops, read(['printf', ...nasty]));
  expect(ops.scripted.calls[0]?.argv).toEqual(['printf', ...nasty]);
});

it('decodes non-ASCII output that is split inside a character', async () => {
  const ops = testOps(() => ({ stdout: [Buffer.from('鲸落').subarray(0, 2), Buffer.from('鲸落').subarray(2)] }));
  expect((await run(ops, read(['cat']))).stdout).toBe('鲸落');
});

it('gives input whole and ends it, also when it is empty', async () => {
  const ops = testOps((call) => ({ stdout: String(call.input.length) }));
  expect((await run(ops, read(['wc'], { input: 'abc' }))).stdout).toBe('3');
  expect((await run(ops, read(['wc'], { input: '' }))).stdout).toBe('0');
});

it('gives the rest of the input when it is known, and ends it where nothing comes', async () => {
  const ops = testOps((call) => ({ stdout: call.input }));
  const command = (moreInput: Promise<string>) => read(['cat'], { input: 'a\n', moreInput });
  expect((await run(ops, command(Promise.resolve('b\n')))).stdout).toBe('a\nb\n');
  expect((await run(ops, command(Promise.reject(new Error('nobody knows'))))).stdout).toBe('a\n');
});

it('writes down a change whose input is not complete when it is, and what can’t be written is not begun', async () => {
  const inputs: string[] = [];
  const ops = testOps((call) => {
    inputs.push(call.input);
    return {};
  });
  const command = () => change(['docker', 'exec', 'x'], { input: 'a', moreInput: Promise.resolve('b') });
  await run(ops, command());
  expect(ops.written.map((e) => e.event)).toEqual(['intent', 'result']);
  await run(ops, change(['docker', 'exec', 'x'], { input: 'a', moreInput: Promise.reject(new Error('given up')) }));
  expect(ops.written.map((e) => e.event)).toEqual(['intent', 'result']);
  const journal = {
    ...ops.journal,
    write: () => {
      throw new Error('disk full');
    },
  };
  await expect(run({ ...ops, journal }, command())).rejects.toThrow('disk full');
  expect(inputs).toEqual(['ab', 'a', 'a']);
});

it('counts the deadline from when all of the input is there', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const ops = testOps(() => ({ hangs: true }));
    let say: (rest: string) => void = () => undefined;
    const moreInput = new Promise<string>((resolve) => {
      say = resolve;
    });
    const result = run(ops, read(['cat'], { input: 'a', moreInput, deadlineMs: 1000 })).catch((e: unknown) => e);
    await vi.advanceTimersByTimeAsync(5000);
    expect(ops.scripted.signals).toEqual([]);
    say('b');
    await vi.advanceTimersByTimeAsync(1000);
    expect(ops.scripted.signals.map((s) => s.signal)).toEqual(['SIGTERM']);
    expect(await result).toMatchObject({ kind: 'deadline' });
  } finally {
    vi.useRealTimers();
  }
});

it('writes stdout to an open file when asked', async () => {
  const ops = testOps(() => ({ stdout: 'dump' }));
  const file = path.join(ops.paths.run, 'out');
  const fd = openSync(file, 'w');
  await run(ops, read(['pg_dump'], { stdoutFd: fd }));
  closeSync(fd);
  expect(readFileSync(file, 'utf8')).toBe('dump');
});

it('fails with the command, the exit code and the end of stderr', async () => {
  const ops = testOps(() => ({ exitCode: 3, stderr: 'no such thing' }));
  await expect(run(ops, read(['docker', 'inspect', 'x']))).rejects.toMatchObject({
    kind: 'command',
    what: { en: 'docker inspect x: exit code 3\nno such thing' },
  });
});

it('accepts exit codes that are answers', async () => {
  const ops = testOps(() => ({ exitCode: 1 }));
  expect((await run(ops, read(['grep']), [0, 1])).exitCode).toBe(1);
});

it('journals a change before and after, and a read not at all', async () => {
  const ops = testOps(() => ({}));
  await run(ops, read(['docker', 'ps']));
  await run(ops, change(['docker', 'stop', 'x']));
  expect(ops.written).toMatchObject([
    { event: 'intent', command: 'docker stop x' },
    { event: 'result', exitCode: 0 },
  ]);
});

it('begins again what the closing of the terminal took along before it was a program', async () => {
  const replies: Reply[] = [{ endedBy: 'SIGHUP' }, { stdout: 'done' }];
  const ops = testOps(() => replies.shift());
  expect((await run(ops, change(['docker', 'start', 'abc'], { input: 'whole' }))).stdout).toBe('done');
  expect(ops.scripted.calls.map((c) => c.input)).toEqual(['whole', 'whole']);
  expect(ops.written.map((e) => e.event)).toEqual(['intent', 'result']);
});

it.each(['SIGHUP', 'SIGKILL'] as const)('does not begin again and again what %s ends', async (endedBy) => {
  const replies: Reply[] = endedBy === 'SIGHUP' ? [{ endedBy }, { endedBy }] : [{ endedBy }];
  const failed = run(
    testOps(() => replies.shift()),
    change(['docker', 'start', 'abc']),
  );
  await expect(failed).rejects.toThrow('exit code 137');
});

it('begins nothing again that ran for a while, whoever sent it SIGHUP', async () => {
  let now = 0;
  const clock: Clock = { ...fakeClock(), monotonic: () => (now += 2_000) };
  const ops = testOps(() => ({ endedBy: 'SIGHUP' }), { clock });
  await expect(run(ops, change(['docker', 'exec', 'abc', 'migrate']))).rejects.toThrow('exit code 137');
  expect(ops.scripted.calls).toHaveLength(1);
});

it('keeps secrets out of journal and errors', async () => {
  const secret = "s3cr'et$#% 鲸";
  const ops = testOps(() => ({
    exitCode: 1,
    stderr: `password ${secret} is wrong, url ${encodeURIComponent(secret)}`,
  }));
  ops.secrets.add(secret);
  const error = await run(ops, change(['tool', secret])).catch((e: unknown) => e);
  const seen = JSON.stringify([ops.written, error, String((error as Error).message)]);
  expect(seen).not.toContain('s3cr');
  expect(seen).toContain('[secret]');
});

it('passes secrets by environment only', async () => {
  const ops = testOps(() => ({}));
  await run(ops, read(['psql'], { env: { PGPASSWORD: 'sentinel' } }));
  expect(ops.scripted.calls[0]?.env).toEqual({ PATH: '/usr/bin:/bin', PGPASSWORD: 'sentinel' });
  expect(ops.scripted.calls[0]?.argv.join()).not.toContain('sentinel');
});

it('ends a hanging child with SIGTERM, then SIGKILL, and says that its effect is unknown', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const ops = testOps(() => ({ hangs: true, trapsTerm: true }));
    const result = run(ops, change(['docker', 'pull'], { deadlineMs: 1000 })).catch((e: unknown) => e);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ops.scripted.signals.map((s) => s.signal)).toEqual(['SIGTERM']);
    await vi.advanceTimersByTimeAsync(KILL_AFTER_MS);
    expect(ops.scripted.signals.map((s) => s.signal)).toEqual(['SIGTERM', 'SIGKILL']);
    expect(await result).toMatchObject({ kind: 'deadline', state: { en: expect.stringContaining('not known') } });
  } finally {
    vi.useRealTimers();
  }
});

it('says of a command that only reads, and did not end, that nothing was changed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const result = run(
      testOps(() => ({ hangs: true })),
      read(['git', 'fetch'], { deadlineMs: 1000 }),
    ).catch((e: unknown) => e);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await result).toMatchObject({
      kind: 'deadline',
      what: { en: expect.stringContaining('git fetch: no end after 1 s') },
      state: { en: 'It only reads.' },
    });
  } finally {
    vi.useRealTimers();
  }
});

// Every builder's commands are run by the simulation, so none is without one.
it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
  'takes %d ms for no deadline, and starts nothing',
  async (deadlineMs) => {
    const ops = testOps(() => ({}));
    await expect(run(ops, read(['true'], { deadlineMs }))).rejects.toThrow('is no deadline');
    expect(ops.scripted.calls).toEqual([]);
  },
);

it('is, but for those that have a deadline of their own, the only way to a process', () => {
  const lib = path.join(import.meta.dirname, '../../../lib');
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
  const spawning = files.filter((f) =>
    /(ops|host)\.\$\(|node:child_process/.test(readFileSync(path.join(lib, f), 'utf8')),
  );
  expect(spawning.sort()).toEqual([
    'core/run.ts',
    'core/shell.ts',
    'core/world.ts', // another script, which has its own
    'tools/docker/attached.ts', // one for each answer
    'tools/postgres/session.ts', // its own
  ]);
});

it('starts nothing once the run is aborted', async () => {
  const ops = testOps(() => ({}), { signal: AbortSignal.abort(new Error('stopped')) });
  await expect(run(ops, read(['docker', 'ps']))).rejects.toThrow('stopped');
  expect(ops.scripted.calls).toEqual([]);
});

it('notices an unexpected command even when its failure is expected', async () => {
  const ops = testOps(() => undefined);
  await run(ops, read(['rm', '-rf', '/']), [127]);
  expect(takeViolations()).toEqual(['unexpected command: rm -rf /']);
});

it('asks once in a run for what does not change, and again for what could not be answered', async () => {
  let asked = 0;
  const answer = async () => {
    asked += 1;
    if (asked === 1) throw new Error('busy');
    return asked;
  };
  const ops = testOps(() => ({}));
  await expect(onceInRun(ops, 'a', answer)).rejects.toThrow('busy');
  expect(await Promise.all([onceInRun(ops, 'a', answer), onceInRun({ ...ops }, 'a', answer)])).toEqual([2, 2]);
  expect(await onceInRun(ops, 'b', answer), 'another question').toBe(3);
  expect(
    await onceInRun(
      testOps(() => ({})),
      'a',
      answer,
    ),
    'another run',
  ).toBe(4);
});
