import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { backupPg } from '../../../../lib/domain/backup/backup.ts';
import { listBackups } from '../../../../lib/domain/backup/manifest.ts';
import { isSafeToDelete } from '../../../../lib/domain/backup/proofs.ts';
import { checkFiles } from '../../../../lib/domain/backup/verify.ts';
import { connectTo, execute, identifier, literal, query } from '../../../../lib/tools/postgres/psql.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';
import {
  DB,
  healthy,
  opsWithSession,
  restored,
  sequenceLines,
  storedBackup,
  type Talk,
  throwaway,
  VOLUME,
} from './backup.fakes.ts';

const is = (call: Call, ...part: string[]) => part.every((p) => call.argv.includes(p));

/** The engine and both servers, all well; `change` answers first. */
const well =
  (change: (call: Call) => Reply | undefined = () => undefined) =>
  (call: Call): Reply | undefined => {
    const own = change(call);
    if (own) return own;
    if (is(call, 'pg_dump')) return { stdout: 'PGDMP archive' };
    if (is(call, 'pg_dumpall')) return { stdout: 'CREATE ROLE whalefall_user;\n' };
    if (is(call, 'pg_restore')) return {};
    if (is(call, 'psql', 'feed')) return { stdout: call.input.includes('hashtextextended') ? restored() : '' };
    if (is(call, 'psql', 'c0ffee')) return { stdout: call.input.includes('NOT datistemplate') ? '"whalefall"\n' : '' };
    return undefined;
  };

const take = (change?: (call: Call) => Reply | undefined, talk: Talk = healthy) => {
  const ops = opsWithSession(well(change), talk);
  return { ops, taken: backupPg(ops, DB, { reason: 'manual', commit: 'abc', warm: throwaway() }) };
};

const left = (ops: { paths: { backups: string } }) => readdirSync(ops.paths.backups);

describe('a backup', () => {
  it('dumps in the exported snapshot, to files that nobody else can read, and gets its name when it is proved', async () => {
    const { ops, taken } = take((call) => {
      if (is(call, 'pg_restore')) expect(left(ops)).toEqual(['20260102T030405Z-whalefall.partial']);
      return undefined;
    });
    const backup = await taken;
    expect(left(ops)).toEqual(['20260102T030405Z-whalefall']);
    expect(isSafeToDelete(backup)).toBe(true);
    expect(backup.covers).toEqual(VOLUME);
    const mode = (file: string) => statSync(path.join(backup.dir, file)).mode & 0o777;
    expect(['.', 'database.dump', 'globals.sql', 'manifest.json'].map(mode)).toEqual([0o700, 0o600, 0o600, 0o600]);
    expect(readFileSync(path.join(backup.dir, 'database.dump'), 'utf8')).toBe('PGDMP archive');
    expect(backup.manifest).toMatchObject({ commit: 'abc', verification: { level: 'restored' }, leavesOut: [] });

    const name = ops.sessions[0]?.env.PGAPPNAME;
    expect(name).toMatch(/^whalefall-ops backup [0-9a-f]{12}$/);
    const dump = ops.scripted.calls.find((c) => is(c, 'pg_dump'));
    expect(dump?.argv).toEqual(
      'docker exec -e PGOPTIONS -e PGAPPNAME c0ffee pg_dump -w -Fc -Z1 --lock-wait-timeout=5000 --snapshot=00000003-0000001B-1 -U whalefall_user -d whalefall'.split(
        ' ',
      ),
    );
    expect(dump?.env.PGAPPNAME).toBe(name);
    const globals = ops.scripted.calls.find((c) => is(c, 'pg_dumpall'));
    expect(globals?.argv.slice(6)).toEqual(
      'c0ffee pg_dumpall -w --globals-only -U whalefall_user -l whalefall'.split(' '),
    );
    expect(ops.sessions[0]?.argv.slice(2)).toEqual(
      '-i -e PGOPTIONS -e PGAPPNAME c0ffee psql -X -w -qAt -v ON_ERROR_STOP=1 -U whalefall_user -d whalefall'.split(
        ' ',
      ),
    );
    expect(ops.sessions[0]?.ended).toBe('input');
    expect(ops.sessions[0]?.sent[0]).toContain('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;');
  });

  it('leaves no time running that would keep the program from ending', async () => {
    const ops = opsWithSession(well(), healthy);
    const running = new Set<number>();
    const sleep = (milliseconds: number, signal?: AbortSignal) =>
      new Promise<void>((_, reject) => {
        running.add(milliseconds);
        signal?.addEventListener('abort', () => {
          running.delete(milliseconds);
          reject(signal.reason);
        });
      });
    await backupPg({ ...ops, clock: { ...ops.clock, sleep } }, DB, { reason: 'manual', warm: throwaway() });
    expect([...running]).toEqual([]);
  });

  it('notes how far the application drew numbers meanwhile', async () => {
    let asked = 0;
    const talk: Talk = (sql) => {
      if (sql.includes('pg_export_snapshot') || sql.includes('hashtextextended')) return healthy(sql);
      asked += 1;
      return sequenceLines('9');
    };
    const backup = await take(undefined, talk).taken;
    expect(asked).toBe(1);
    expect(backup.manifest.contents.sequences[0]).toMatchObject({ lastValue: '2', upTo: '9' });
  });

  it('gives the processors to the dump, and reads everything else after it', async () => {
    let dumping = false;
    const talk: Talk = (sql) => {
      if (sql.includes('hashtextextended')) expect(dumping).toBe(false);
      return healthy(sql);
    };
    const seen: string[] = [];
    const ops = opsWithSession(async (c) => {
      if (is(c, 'pg_dumpall')) expect(dumping).toBe(false);
      if (is(c, 'pg_dump')) {
        dumping = true;
        await new Promise((resolve) => setTimeout(resolve, 30));
        dumping = false;
      }
      return well()(c);
    }, talk);
    const onProgress = ({ phase, bytes }: { phase: string; bytes: number }) => void seen.push(`${phase} ${bytes}`);
    await backupPg(ops, DB, { reason: 'manual', warm: throwaway(), onProgress });
    expect([...new Set(seen)]).toEqual(['dump 0', 'dump 13', 'contents 0', 'trial 0']);
  });

  it('that can not be tried ends before the dump does, and leaves nothing', async () => {
    const cannotStart = (c: Call): Reply | undefined => {
      if (is(c, 'image', 'ls') || ['ps', 'network', 'rm'].includes(c.argv[1] ?? '')) return {};
      if (is(c, 'image'))
        return { stdout: is(c, '-f') ? 'sha256:abc ["postgres:15"]' : '[{"Config":{"Env":[],"Volumes":null}}]' };
      if (is(c, 'run')) return { exitCode: 125, stderr: 'no room here' };
      return is(c, 'pg_dump') ? { hangs: true } : undefined;
    };
    const preloads = (line: string) => line.replace('"versionNumber"', '"preloads":"pgaudit","versionNumber"');
    const ops = opsWithSession(well(cannotStart), (sql) => (healthy(sql) as string[]).map(preloads));
    await expect(backupPg(ops, DB, { reason: 'manual' })).rejects.toThrow(/no room here/);
    expect(left(ops)).toEqual([]);
    expect(ops.scripted.calls.find((c) => is(c, 'run'))?.argv.at(-1)).toBe('shared_preload_libraries=pgaudit');
  });

  it('saves the userdata of the application along, and vouches for that file too', async () => {
    const tar = (stdout: Buffer) => (c: Call) =>
      is(c, 'cp') ? { stdout: [stdout] } : is(c, 'tar') ? { stdout: 'userdata/\n' } : undefined;
    const ops = opsWithSession(well(tar(Buffer.alloc(2048))), healthy);
    const userdata = { container: 'beef', bytes: 1_000 };
    const { dir, manifest } = await backupPg(ops, DB, { reason: 'manual', warm: throwaway(), userdata });
    expect(manifest.files.userdata).toMatchObject({ name: 'userdata.tar', size: 2048 });
    expect(ops.scripted.calls.find((c) => is(c, 'cp'))?.argv).toEqual(['docker', 'cp', 'beef:/app/userdata', '-']);
    await checkFiles({ dir, manifest });
    writeFileSync(path.join(dir, 'userdata.tar'), Buffer.alloc(2048, 1));
    await expect(checkFiles({ dir, manifest })).rejects.toMatchObject({ kind: 'precondition' });
    const cutOff = opsWithSession(well(tar(Buffer.alloc(2048, 1))), healthy);
    await expect(backupPg(cutOff, DB, { reason: 'manual', warm: throwaway(), userdata })).rejects.toThrow(/cut off/);
    expect(left(cutOff)).toEqual([]);
    const absent = opsWithSession(
      well((c) => (is(c, 'cp') ? { exitCode: 1, stderr: 'Could not find the file' } : undefined)),
      healthy,
    );
    const without = await backupPg(absent, DB, { reason: 'manual', warm: throwaway(), userdata });
    expect(without.manifest.files).not.toHaveProperty('userdata');
  });

  it('says when all is read, before it is tried out: the server may be stopped then', async () => {
    const order: string[] = [];
    const ops = opsWithSession(
      well((call) => {
        for (const program of ['pg_dump', 'pg_dumpall', 'pg_restore']) if (is(call, program)) order.push(program);
        return undefined;
      }),
      healthy,
    );
    const whenRead = async () => {
      expect(ops.sessions[0]?.ended).toBe('input');
      order.push('read');
    };
    await backupPg(ops, DB, { reason: 'manual', warm: throwaway(), whenRead });
    expect(order.indexOf('read')).toBe(2);
    expect(order.at(-1)).toBe('pg_restore');
  });

  it('is none when what was to follow the reading fails, and ends only when that has', async () => {
    const ops = opsWithSession(
      well((c) => (is(c, 'pg_restore') ? { exitCode: 1, stderr: 'pg_restore: error: corrupt' } : undefined)),
      healthy,
    );
    let stopped = false;
    const whenRead = async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      stopped = true;
    };
    const options = { reason: 'manual', warm: throwaway() };
    await expect(backupPg(ops, DB, { ...options, whenRead })).rejects.toThrow('corrupt');
    expect(stopped).toBe(true);
    const refuses = async () => Promise.reject(new Error('can not be stopped'));
    await expect(backupPg(ops, DB, { ...options, whenRead: refuses })).rejects.toThrow('can not be stopped');
  });

  it('does not take the name of another, and clears away what a killed run left', async () => {
    const ops = opsWithSession(well(), healthy);
    mkdirSync(path.join(ops.paths.backups, '20260102T030405Z-whalefall'));
    mkdirSync(path.join(ops.paths.backups, '20250101T000000Z-whalefall.partial'));
    await backupPg(ops, DB, { reason: 'manual', warm: throwaway() });
    expect(left(ops)).toEqual(['20260102T030405Z-whalefall', '20260102T030405Z-whalefall-2']);
  });

  it('does not fail with another database: it counts as one that is left out, and they are asked one by one', async () => {
    let asked = 0;
    const ops = opsWithSession(async (c) => {
      if (!is(c, 'psql', 'c0ffee')) return well()(c);
      if (c.input.includes('datallowconn AND datconnlimit <> -2 AND NOT'))
        return { stdout: '"a"\n"b"\n"broken"\n"c"\n"whalefall"\n' };
      if (c.input.includes('NOT (datallowconn AND datconnlimit <> -2)')) return { stdout: '"half dropped"\n' };
      if (!c.input.includes("'relations'")) return well()(c);
      asked += 1;
      expect(asked).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      asked -= 1;
      if (c.argv.at(-1) === 'broken') return { exitCode: 2, stderr: 'FATAL:  cannot open relation mapping file' };
      return { stdout: '{"relations":[],"functions":0,"largeObjects":0}' };
    }, healthy);
    const { leavesOut } = await backupPg(ops, DB, { reason: 'manual', warm: throwaway() });
    expect(leavesOut).toEqual(['broken', 'half dropped']);
  });

  it('comes after every other, though the clock was put back since', async () => {
    const ops = opsWithSession(well(), healthy);
    await storedBackup(ops, { id: '20270102T030405Z-whalefall', createdAt: '2027-01-02T03:04:05.000Z' });
    const { dir, manifest } = await backupPg(ops, DB, { reason: 'manual', warm: throwaway() });
    expect(manifest).toMatchObject({
      id: '20270102T030406Z-whalefall',
      createdAt: '2027-01-02T03:04:06.000Z',
    });
    expect(listBackups(ops.paths.backups).stored[0]?.dir).toBe(dir);
  });

  it('vouches for no volume that holds other databases, too', async () => {
    const others = (call: Call): Reply | undefined => {
      if (!is(call, 'psql', 'c0ffee')) return undefined;
      if (call.input.includes('NOT datistemplate')) return { stdout: '"whalefall"\n"shop"\n"empty"\n' };
      if (call.input.includes("datname <> 'template0'")) return { stdout: '"closed"\n' };
      const relations = call.argv.at(-1) === 'shop' ? ['public.orders'] : [];
      if (call.input.includes("'relations'"))
        return { stdout: JSON.stringify({ relations, functions: 0, largeObjects: 0 }) };
      return undefined;
    };
    const { ops, taken } = take((call) => others(call) ?? volumeOf(call));
    const backup = await taken;
    expect(backup.leavesOut).toEqual(['shop', 'closed']);
    await expect(backup.check(ops)).rejects.toMatchObject({ what: { en: expect.stringContaining('shop, closed') } });
  });
});

const volumeOf = (call: Call): Reply | undefined =>
  is(call, 'volume', 'inspect')
    ? { stdout: JSON.stringify([{ CreatedAt: VOLUME.createdAt, Driver: 'local' }]) }
    : undefined;

describe('nothing with a final name is left', () => {
  const failing: [string, (call: Call) => Reply | undefined, Talk?, RegExp?][] = [
    ['when pg_dump fails', (c) => (is(c, 'pg_dump') ? { exitCode: 1, stdout: 'PGD', stderr: 'lost' } : undefined)],
    ['when the globals fail', (c) => (is(c, 'pg_dumpall') ? { exitCode: 1, stderr: 'denied' } : undefined)],
    ['when the restore fails', (c) => (is(c, 'pg_restore') ? { exitCode: 1, stderr: 'corrupt' } : undefined)],
    [
      'when something else was restored',
      (c) => (is(c, 'psql', 'feed') && c.input.includes('hashtextextended') ? { stdout: restored(1) } : undefined),
      healthy,
      /table public.users: 2 → 1/,
    ],
    [
      'when the restored database can not be asked',
      (c) => (is(c, 'psql', 'feed') && c.input.includes('hashtextextended') ? { exitCode: 2 } : undefined),
    ],
    ['when an answer is cut off', () => undefined, (sql) => healthy(sql).slice(0, -1) as string[], /not whole/],
    [
      'when the disk is full',
      (c) => (is(c, 'pg_dump') ? { exitCode: 1, stderr: 'write /dev/stdout: no space left on device' } : undefined),
      healthy,
      /got full/,
    ],
  ];

  it.each([
    ['pg_dump fails', 'command', (c: Call) => is(c, 'pg_dump')],
    ['the globals fail', 'command', (c: Call) => is(c, 'pg_dumpall')],
    ['the trial server is not there', 'failed', (c: Call) => is(c, 'psql', 'feed')],
    ['the trial restore fails', 'failed', (c: Call) => is(c, 'pg_restore')],
  ])('tells whose failure it was when %s: %s', async (_name, kind, fits) => {
    const { taken } = take((c) => (fits(c) ? { exitCode: 1, stderr: 'no' } : undefined));
    await expect(taken).rejects.toMatchObject({ kind });
  });

  it('takes no failing throwaway for a server that can not be dumped', async () => {
    const ops = opsWithSession(
      well((c) =>
        is(c, 'image') ? { exitCode: 1, stderr: 'no engine' } : is(c, '--filter') ? { stdout: '' } : undefined,
      ),
      healthy,
    );
    await expect(backupPg(ops, DB, { reason: 'manual' })).rejects.toMatchObject({ kind: 'failed' });
  });

  it.each(failing)('%s', async (_name, change, talk, message) => {
    const { ops, taken } = take(change, talk);
    const error = await taken.then(
      () => undefined,
      (e: Error) => e,
    );
    expect(error?.message).toMatch(message ?? /No backup could be taken/);
    expect(left(ops)).toEqual([]);
  });

  it('when the server dies: the dump is stopped, and the sessions are ended', async () => {
    const { ops, taken } = take((c) => {
      if (!is(c, 'pg_dump')) return undefined;
      setTimeout(() => ops.sessions[0]?.die(), 50);
      return { hangs: true };
    });
    await expect(taken).rejects.toMatchObject({
      kind: 'command',
      what: { en: expect.stringContaining('server closed') },
    });
    expect(left(ops)).toEqual([]);
    const ending = ops.scripted.calls.filter((c) => c.input.includes('pg_terminate_backend'));
    expect(ending[0]?.input).toContain(`application_name = '${ops.sessions[0]?.env.PGAPPNAME}'`);
    expect(ops.scripted.signals).toContainEqual(expect.objectContaining({ signal: 'SIGTERM' }));
  });

  it('when the run is stopped during the trial, at once', async () => {
    const stop = new AbortController();
    const change = (c: Call): Reply | undefined => {
      if (!is(c, 'pg_restore')) return undefined;
      setTimeout(() => stop.abort(new Error('Ctrl-C')), 50);
      return { hangs: true };
    };
    const ops = opsWithSession(well(change), healthy);
    const taken = backupPg({ ...ops, signal: stop.signal }, DB, { reason: 'manual', warm: throwaway() });
    await expect(taken).rejects.toThrow('Ctrl-C');
    expect(left(ops)).toEqual([]);
  });

  it('when the run is stopped', async () => {
    const stop = new AbortController();
    const change = (c: Call): Reply | undefined => {
      if (!is(c, 'pg_dump')) return undefined;
      setTimeout(() => stop.abort(new Error('Ctrl-C')), 300);
      return { hangs: true, stdout: 'PGD' };
    };
    const ops = opsWithSession(well(change), healthy);
    const taken = backupPg({ ...ops, signal: stop.signal }, DB, { reason: 'manual', warm: throwaway() });
    await expect(taken).rejects.toThrow('Ctrl-C');
    expect(left(ops)).toEqual([]);
    expect(ops.scripted.calls.some((c) => c.input.includes('pg_terminate_backend'))).toBe(true);
    expect(ops.sessions[0]?.ended).toBe('SIGTERM');
  });

  it('when the session does not answer in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { ops, taken } = take(undefined, () => 'hangs');
      const outcome = taken.catch((e: unknown) => e);
      while (ops.sessions.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await vi.advanceTimersByTimeAsync(60_000);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await outcome).toMatchObject({ kind: 'deadline' });
      expect(ops.sessions[0]?.ended).toBe('SIGTERM');
    } finally {
      vi.useRealTimers();
    }
  });

  it('when there is no room, and says how much is needed and free', async () => {
    const huge: Talk = (sql) =>
      sql.includes('pg_export_snapshot')
        ? (healthy(sql) as string[]).map((l) => l.replace('"tableBytes":1000000', '"tableBytes":9000000000000000'))
        : healthy(sql);
    const { ops, taken } = take(undefined, huge);
    await expect(taken).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringMatching(/about [\d.]+ TB are needed, [\d.]+ .?B are free/) },
    });
    expect(left(ops)).toEqual([]);
    expect(ops.scripted.calls.some((c) => is(c, 'pg_dump'))).toBe(false);
    expect(ops.sessions[0]?.ended).toBeDefined(); // its snapshot would hold up vacuum for ever
  });
});

describe('SQL', () => {
  it('quotes whatever a name or text contains', () => {
    expect(identifier('a"b')).toBe('"a""b"');
    expect(literal("it's")).toBe("'it''s'");
    expect(literal("\\'")).toBe(" E'\\\\'''");
    expect(() => literal('\0')).toThrow();
    expect(connectTo('whalefall')).toBe('whalefall');
    expect(connectTo('postgres://evil')).toBe("dbname='postgres://evil'");
    expect(connectTo("host=evil dbname='x\\")).toBe("dbname='host=evil dbname=\\'x\\\\'");
  });

  it('is sent by stdin, never prompts, and an error is never an empty answer', async () => {
    const ops = testOps(() => ({ stdout: '{"a":1}\n"x\\ny"\n' }));
    expect(await query(ops, DB, 'SELECT 1')).toEqual([{ a: 1 }, 'x\ny']);
    expect(ops.scripted.calls[0]?.argv).toEqual(
      'docker exec -i -e PGOPTIONS c0ffee psql -X -w -qAt -v ON_ERROR_STOP=1 -U whalefall_user -d whalefall'.split(' '),
    );
    const failing = testOps(() => ({ exitCode: 2, stderr: 'no' }));
    await expect(query(failing, DB, 'SELECT 1')).rejects.toMatchObject({ kind: 'command' });
  });

  it('with secrets is in no argument and no journal', async () => {
    const ops = testOps(() => ({}));
    await execute(ops, DB, "ALTER ROLE x PASSWORD 'sentinel'");
    expect(ops.scripted.calls[0]?.input).toContain('sentinel');
    expect(JSON.stringify([ops.scripted.calls[0]?.argv, ops.written])).not.toContain('sentinel');
    expect(ops.scripted.calls[0]?.input).toContain("SET log_statement = 'none'");
  });
});
