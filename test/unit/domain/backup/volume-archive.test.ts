import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ArchiveOptions, archiveVolume, restoreVolumeData } from '../../../../lib/domain/backup/volume-archive.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';
import { VOLUME } from './backup.fakes.ts';

const TAR = Buffer.alloc(4096);
TAR.write('data/');

const container = (Status: string) => ({
  stdout: JSON.stringify([
    {
      Id: 'c0ffee',
      Name: '/pg',
      Image: 'sha256:abc',
      RestartCount: 0,
      State: { StartedAt: '2026-01-01T00:00:00Z', FinishedAt: '0001-01-01T00:00:00Z', Status },
      Config: { Labels: null },
      NetworkSettings: { Ports: null, Networks: {} },
      Mounts: [],
    },
  ]),
});

const engine =
  (change: (call: Call) => Reply | undefined = () => undefined, status = 'exited') =>
  (call: Call): Reply | undefined => {
    const own = change(call);
    if (own) return own;
    const [, verb, flag] = call.argv;
    if (verb === 'inspect' && flag === '-f') {
      return call.argv[3] === '{{.State.Running}}' ? { stdout: 'true' } : { exitCode: 1, stderr: 'no such object' };
    }
    if (verb === 'inspect') return container(status);
    if (verb === 'image') return { stdout: 'sha256:abc ["postgres:15"]\n' };
    if (verb === 'cp') return call.argv.at(-1) === '-' ? { stdout: [TAR] } : {};
    if (call.argv[0] === 'tar') return { stdout: 'data/\ndata/PG_VERSION\n' };
    if (verb === 'create') return { stdout: 'feed\n' };
    if (verb === 'run') return df(90_000_000);
    if (verb === 'start' || verb === 'rm') return {};
    if (call.argv.includes('pg_isready')) return {};
    if (call.argv.includes('psql')) return { stdout: '7\n' };
    if (verb === 'logs') return { stderr: 'PANIC: no checkpoint' };
    return undefined;
  };

const df = (free: number) => ({
  stdout: `Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 100000000 1 ${free} 1% /d\n`,
});

const options: ArchiveOptions = { volume: VOLUME, mountPoint: '/var/lib/postgresql/data', reason: 'rebuild' };
const database = { user: 'whalefall_user', name: 'whalefall' };
const left = (ops: { paths: { backups: string } }) => readdirSync(ops.paths.backups);
const lines = (ops: { scripted: { calls: Call[] } }) => ops.scripted.calls.map((c) => c.argv.join(' '));

describe('a cold archive', () => {
  it('is a tar of the stopped container, read to its end', async () => {
    const ops = testOps(engine());
    const archive = await archiveVolume(ops, 'c0ffee', options);
    expect(left(ops)).toEqual(['20260102T030405Z-prod_postgres_data']);
    expect(readFileSync(path.join(archive.dir, 'volume.tar'))).toEqual(TAR);
    expect(archive.manifest).toMatchObject({ entries: 2, imageId: 'sha256:abc', verification: { level: 'readable' } });
    expect(archive.covers).toEqual(VOLUME);
    expect(lines(ops)).toContain('docker cp c0ffee:/var/lib/postgresql/data -');
    expect(lines(ops)).not.toContain('docker start feed');
  });

  it('of an empty directory is whole', async () => {
    const empty = Buffer.alloc(3 * 512);
    empty.write('data/');
    const ops = testOps(engine((c) => (c.argv[1] === 'cp' ? { stdout: [empty] } : undefined)));
    await expect(archiveVolume(ops, 'c0ffee', options)).resolves.toMatchObject({ manifest: { entries: 2 } });
  });

  it('of PostgreSQL is proved by a server without network on a copy', async () => {
    const ops = testOps(engine());
    const archive = await archiveVolume(ops, 'c0ffee', { ...options, database });
    expect(archive.manifest.verification.level).toBe('started');
    const create = ops.scripted.calls.find((c) => c.argv[1] === 'create')?.argv.join(' ');
    expect(create).toContain('--network none');
    expect(create).toContain('-v /var/lib/postgresql/data ');
    expect(create).toContain(`--label whalefall-ops.state=${ops.paths.state}`);
    const at = (line: string) => lines(ops).indexOf(line);
    const look = ops.scripted.calls.find((c) => c.argv[1] === 'run')?.argv.join(' ');
    expect(look).toMatch(
      /^docker run --rm --pull never --network none .* -v \/var\/lib\/postgresql\/data --entrypoint df /,
    );
    expect(look).toMatch(/ sha256:abc -P -k \/var\/lib\/postgresql\/data$/);
    expect(at('docker cp - feed:/var/lib/postgresql')).toBeGreaterThan(0);
    expect(at('docker start feed')).toBeGreaterThan(at('docker cp - feed:/var/lib/postgresql'));
    expect(lines(ops).some((l) => l.startsWith('docker rm -f -v whalefall-ops-throwaway-'))).toBe(true);
  });

  it.each<[string, (c: Call) => Reply | undefined, RegExp]>([
    ['the copy fails', (c) => (c.argv[1] === 'cp' ? { exitCode: 1, stderr: 'I/O error' } : undefined), /I\/O error/],
    [
      'there is no such directory',
      (c) => (c.argv[1] === 'cp' ? { exitCode: 1, stderr: 'no such container:path' } : undefined),
      /no directory/,
    ],
    ['nothing was copied', (c) => (c.argv[0] === 'tar' ? { stdout: '' } : undefined), /empty or cut off/],
    [
      'tar finds it broken',
      (c) => (c.argv[0] === 'tar' ? { exitCode: 2, stderr: 'Unexpected EOF' } : undefined),
      /Unexpected EOF/,
    ],
    [
      'it ends between two files',
      (c) => (c.argv.at(-1) === '-' && c.argv[1] === 'cp' ? { stdout: [Buffer.alloc(4096, 1)] } : undefined),
      /cut off/,
    ],
    [
      'no server starts on it',
      (c) =>
        c.argv.includes('pg_isready')
          ? { exitCode: 2 }
          : c.argv[3] === '{{.State.Running}}'
            ? { stdout: 'false' }
            : undefined,
      /PANIC/,
    ],
    [
      'a copy has no room',
      (c) => (c.argv[1] === 'run' ? df(900_000) : undefined),
      /^Not enough disk where Docker keeps its data .* 1\.0 GB are needed, 921\.6 MB are free/,
    ],
    [
      'the server does not answer',
      (c) => (c.argv.includes('psql') ? { exitCode: 2, stderr: 'broken' } : undefined),
      /broken/,
    ],
  ])('is not left when %s', async (_when, change, message) => {
    const ops = testOps(engine(change));
    await expect(archiveVolume(ops, 'c0ffee', { ...options, database })).rejects.toThrow(message);
    expect(left(ops)).toEqual([]);
    const made = lines(ops).some((l) => l.startsWith('docker create'));
    expect(lines(ops).some((l) => l.startsWith('docker rm -f -v whalefall-ops-throwaway-'))).toBe(made);
  });

  it('is not left when the copy fails half-way, were it to succeed at another try', async () => {
    let copies = 0;
    const half: Reply = { stdout: [Buffer.alloc(512, 1)], exitCode: 1, stderr: 'unexpected EOF' };
    const ops = testOps(engine((c) => (c.argv[1] === 'cp' && ++copies === 1 ? half : undefined)));
    await expect(archiveVolume(ops, 'c0ffee', options)).rejects.toThrow(/unexpected EOF/);
    expect(left(ops)).toEqual([]);
  });

  it.each(['running', 'paused', 'restarting'])('is not made of a container that is %s', async (status) => {
    const ops = testOps(engine(undefined, status));
    await expect(archiveVolume(ops, 'c0ffee', options)).rejects.toMatchObject({ kind: 'precondition' });
    expect(ops.scripted.calls).toHaveLength(1);
  });
});

describe('putting it back', () => {
  it('goes into a container that was never started, and into no other', async () => {
    const ops = testOps(engine());
    const archive = await archiveVolume(ops, 'c0ffee', options);
    for (const status of ['running', 'exited']) {
      const started = testOps(engine(undefined, status));
      await expect(restoreVolumeData(started, 'c0ffee', archive)).rejects.toMatchObject({ kind: 'precondition' });
      expect(started.written).toEqual([]);
    }
    const fresh = testOps(engine(undefined, 'created'));
    await restoreVolumeData(fresh, 'c0ffee', archive);
    expect(lines(fresh)).toContain('docker cp - c0ffee:/var/lib/postgresql');
  });

  it('does not put back what is damaged', async () => {
    const ops = testOps(engine(undefined, 'created'));
    const { dir, manifest } = await archiveVolume(ops, 'c0ffee', options);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(path.join(dir, 'volume.tar'), Buffer.alloc(4096, 2));
    await expect(restoreVolumeData(ops, 'c0ffee', { dir, manifest })).rejects.toMatchObject({ kind: 'precondition' });
    expect(lines(ops).filter((l) => l.startsWith('docker cp -'))).toEqual([]);
  });
});
