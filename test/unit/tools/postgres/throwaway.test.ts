import { statfsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryNeeded, startThrowaway } from '../../../../lib/tools/postgres/throwaway.ts';
import { fakeClock, testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

const GIB = 1 << 30;
const df = (free: number, total = 100_000_000) => ({
  stdout: `Filesystem 1024-blocks Used Available Capacity Mounted on\noverlay ${total} 1 ${free} 1% /var/lib\n`,
});
const image = (config: object) => ({ stdout: JSON.stringify([{ Config: config }]) });
const OFFICIAL = { Env: ['PATH=/bin', 'PGDATA=/var/lib/postgresql/data'], Volumes: { '/var/lib/postgresql/data': {} } };

const engine =
  (change: (call: Call) => Reply | undefined = () => undefined, config: object = OFFICIAL) =>
  (call: Call): Reply | undefined => {
    const own = change(call);
    if (own) return own;
    if (call.argv[1] === 'image') return image(config);
    if (call.argv[1] === 'run') return { stdout: 'feedfeed\n' };
    if (call.argv.includes('pg_isready')) return {};
    if (call.argv[1] === 'rm') return {};
    if (call.argv[1] === 'inspect') return { exitCode: 1, stderr: 'no such object' };
    if (call.argv[1] === 'logs') return { stderr: 'FATAL: no' };
    if (call.argv.includes('df')) return df(90_000_000);
    return undefined;
  };

const options = { imageId: 'sha256:abc', databaseSize: 100_000_000, availableMemory: 16 * GIB };
const runOf = (ops: { scripted: { calls: Call[] } }) => ops.scripted.calls.find((c) => c.argv[1] === 'run') as Call;
const value = (call: Call, flag: string) => call.argv[call.argv.indexOf(flag) + 1];

it('starts the same image without network, in memory, under a name and superuser of its own', async () => {
  const ops = testOps(engine());
  const server = await startThrowaway(ops, options);
  const { argv, env } = runOf(ops);
  expect(server).toMatchObject({ container: { id: 'feedfeed' }, name: 'postgres', storage: 'memory' });
  expect(argv.slice(0, 8)).toEqual(['docker', 'run', '-d', '--rm', '--pull', 'never', '--name', argv[7]]);
  expect(value(runOf(ops), '--network')).toBe('none');
  expect(value(runOf(ops), '--tmpfs')).toBe(`/var/lib/postgresql/data:rw,size=${memoryNeeded(100_000_000)}`);
  expect(argv).toContain(`whalefall-ops.run=test`);
  expect(argv).toContain(`whalefall-ops.state=${ops.paths.state}`);
  expect(argv.join(' ')).toContain(
    'sha256:abc postgres -c fsync=off -c full_page_writes=off -c synchronous_commit=off',
  );
  expect(argv).not.toContain('-p');
  expect(env.POSTGRES_USER).toBe(server.user);
  expect(server.user).toMatch(/^throwaway_[0-9a-f]{12}$/);
  expect(env.POSTGRES_PASSWORD).toHaveLength(32);
  expect(argv.join(' ')).not.toContain(env.POSTGRES_PASSWORD as string);
  expect(ops.secrets.redact(`x${env.POSTGRES_PASSWORD}`)).toBe('x[secret]');
  const ready = ops.scripted.calls.find((c) => c.argv.includes('pg_isready'));
  expect(ready?.argv).toEqual(['docker', 'exec', 'feedfeed', 'pg_isready', '-q', '-h', '127.0.0.1']);
  await server.remove();
  expect(ops.scripted.calls.map((c) => c.argv.join(' '))).toContain('docker rm -f -v feedfeed');
});

it('puts its memory where the image keeps its data', async () => {
  const newer = { Env: ['PGDATA=/var/lib/postgresql/18/docker'], Volumes: { '/var/lib/postgresql': {} } };
  const own = { Env: ['PGDATA=/data/pg'], Volumes: null };
  for (const [config, mountPoint] of [
    [newer, '/var/lib/postgresql'],
    [own, '/data/pg'],
  ] as const) {
    const ops = testOps(engine(undefined, config));
    await startThrowaway(ops, options);
    expect(value(runOf(ops), '--tmpfs')).toContain(`${mountPoint}:rw`);
  }
});

it('goes to disk when memory is not plenty', async () => {
  const ops = testOps(engine());
  expect(await startThrowaway(ops, { ...options, availableMemory: 3 * GIB })).toMatchObject({ storage: 'disk' });
  expect(runOf(ops).argv).not.toContain('--tmpfs');
  expect(runOf(ops).argv).not.toContain('--memory');
});

it('preloads what the server preloads whose data is tried, and does without where it does not start with it', async () => {
  const PRELOAD = 'shared_preload_libraries=pgaudit, pg_cron';
  const withLibraries = { ...options, preloads: 'pgaudit, pg_cron' };
  const ops = testOps(engine());
  await startThrowaway(ops, withLibraries);
  expect(runOf(ops).argv.slice(-2)).toEqual(['-c', PRELOAD]);

  let last = '';
  const lacks = testOps(
    engine((c) => {
      if (c.argv[1] === 'run') last = c.argv.at(-1) ?? '';
      if (last === PRELOAD && c.argv.includes('pg_isready')) return { exitCode: 2 };
      return isState(c) ? { stdout: 'false\n' } : undefined;
    }),
  );
  await startThrowaway(lacks, withLibraries);
  expect(last).toBe('listen_addresses=localhost');
  expect(lacks.scripted.calls.filter((c) => c.argv[1] === 'rm')).toHaveLength(1);
});

describe('on a disk', () => {
  const onDisk = { ...options, databaseSize: 60e9, availableMemory: 3 * GIB };
  const looks = (c: Call) => c.argv.join(' ') === 'docker exec feedfeed df -P -k /var/lib/postgresql/data';

  it('that can not take the data it is refused, and gone', async () => {
    const ops = testOps(engine((c) => (looks(c) ? df(40e9 / 1024) : undefined)));
    await expect(startThrowaway(ops, onDisk)).rejects.toMatchObject({
      kind: 'precondition',
      what: {
        en: expect.stringMatching(/^Not enough disk where Docker keeps its data .* 67\.0 GB are needed, 40\.0 GB/),
      },
    });
    expect(ops.scripted.calls.at(-1)?.argv.slice(0, 4)).toEqual(['docker', 'rm', '-f', '-v']);
    const inMemory = { ...options, databaseSize: 1e9 };
    expect(await startThrowaway(testOps(engine((c) => (looks(c) ? df(0) : undefined))), inMemory)).toMatchObject({
      storage: 'memory',
    });
  });

  it('that takes the dump as well, there is room for both or neither is begun', async () => {
    const ops = (total: number) => testOps(engine((c) => (looks(c) ? df(70e9 / 1024, total) : undefined)));
    const meanwhile = { directory: '/', bytes: 20e9 };
    const { blocks, bsize } = statfsSync('/');
    const same = ops((blocks * bsize) / 1024);
    await expect(startThrowaway(same, { ...onDisk, meanwhile })).rejects.toThrow(/Not enough disk/);
    const other = ops((blocks * bsize) / 1024 + 1);
    expect(await startThrowaway(other, { ...onDisk, meanwhile })).toMatchObject({ storage: 'disk' });
  });
});

it('is removed when it ends early, is never ready, or the run is stopped, and the reason is told', async () => {
  const notReady = (c: Call) => (c.argv.includes('pg_isready') ? { exitCode: 2 } : undefined);
  const removed = (ops: { scripted: { calls: Call[] } }) => {
    const name = value(runOf(ops), '--name');
    return ops.scripted.calls.some((c) => c.argv.join(' ') === `docker rm -f -v ${name}`);
  };
  const ended = testOps(engine((c) => notReady(c) ?? (isState(c) ? { stdout: 'false\n' } : undefined)));
  await expect(startThrowaway(ended, options)).rejects.toMatchObject({
    what: { en: expect.stringContaining('FATAL: no') },
  });
  expect(removed(ended)).toBe(true);

  const clock = fakeClock();
  const hasty = { ...clock, sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms * 100, signal) };
  const slow = testOps(
    engine((c) => notReady(c) ?? (isState(c) ? { stdout: 'true\n' } : undefined)),
    { clock: hasty },
  );
  await expect(startThrowaway(slow, options)).rejects.toMatchObject({ kind: 'deadline' });
  expect(removed(slow)).toBe(true);

  const stop = new AbortController();
  const stopping = testOps(
    engine((c) => {
      if (!c.argv.includes('pg_isready')) return undefined;
      stop.abort(new Error('Ctrl-C'));
      return { exitCode: 2 };
    }),
  );
  await expect(startThrowaway({ ...stopping, signal: stop.signal }, options)).rejects.toThrow('Ctrl-C');
  expect(removed(stopping)).toBe(true);
});

const isState = (c: Call) => c.argv[1] === 'inspect' && c.argv[3] === '{{.State.Running}}';
