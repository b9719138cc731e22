import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { oneHead } from '../../../../lib/domain/schema/flask-db.ts';
import { migrate, seed } from '../../../../lib/domain/schema/migrate.ts';
import { PROBES } from '../../../../lib/domain/schema/revision-probes.ts';
import { loadUpgrade } from '../../../../lib/domain/schema/upgrade.ts';
import { withoutValues } from '../../../../lib/tools/postgres/blocker.ts';
import type { Database } from '../../../../lib/tools/postgres/psql.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

const db = { container: { id: 'dbid', name: 'db' }, user: 'app_user', name: 'appdb' } as unknown as Database;
const HEAD = '20251230183000';
const LOADED = 'whalefall-ops: loaded';

/** What faulthandler says of a program that takes too long. */
const HANGS = `Timeout (0:01:30)!
Thread 0x00007f0000000000 (most recent call first):
  File "/app/driver.py", line 6 in connect
${Array.from({ length: 30 }, (_, n) => `  File "/app/caller.py", line ${n} in calls\n`).join('')}`;

interface World {
  version: string | null;
  tables: number;
  holding: number;
  /** The answer about what the schema is made of. */
  objects?: () => string;
}

/** A database and the application's image; `upgrade` may be told what to do. */
function stage(
  world: World,
  upgrade: (call: Call) => Reply | Promise<Reply> = () => ({}),
  loads: () => string | Reply = () => `\n${LOADED}`,
) {
  const did: string[] = [];
  const go = (call: Call) => {
    did.push('upgrade');
    return upgrade(call);
  };
  const ops = testOps((call) => {
    const { argv, input } = call;
    const at = argv.indexOf('db');
    if (argv.includes('flask') && at > 0) {
      const [verb, revision] = argv.slice(at + 1);
      if (verb === 'upgrade')
        return { talk: { answer: (line) => (line === 'go' ? go(call) : loads()), end: () => undefined } };
      did.push(argv.slice(at + 1).join(' '));
      if (verb === 'stamp') world.version = revision as string;
      return {};
    }
    if (input.includes('pg_blocking_pids')) {
      return row({
        pid: 42,
        application: 'pg_dump',
        user: 'bob',
        address: null,
        state: 'active',
        since: 'T',
        query: "COPY t TO 'pw'",
      });
    }
    if (input.includes('pg_terminate_backend')) {
      did.push('end sessions');
      return { stdout: '' };
    }
    if (input.includes('the alembic revision')) return { stdout: world.objects?.() ?? '' };
    if (input.includes('alembic_version')) {
      const versions = world.version === null ? null : [world.version];
      return row({ tables: world.tables, versions, probes: PROBES.map((_, i) => i < world.holding) });
    }
    return undefined;
  });
  return { ops, did, world };
}

const row = (value: unknown): Reply => ({ stdout: `${JSON.stringify(value)}\n` });

/** What a good upgrade says and does. */
const upgraded =
  (world: World, ...steps: string[]) =>
  () => {
    Object.assign(world, { version: HEAD, tables: 16, holding: 6 });
    return { stderr: steps.map((s) => `INFO  [alembic.runtime.migration] Running upgrade ${s}, something\n`).join('') };
  };

describe('migrate', () => {
  it('creates an empty database', async () => {
    const world: World = { version: null, tables: 0, holding: 0 };
    const { ops, did } = stage(world, upgraded(world, ' -> 20251219161048', '20251219161048 -> 20251224120000'));
    expect(await migrate(ops, db, 'one', { head: HEAD })).toEqual({
      from: undefined,
      to: HEAD,
      stamped: false,
      applied: ['20251219161048', '20251224120000'],
    });
    expect(did).toEqual(['upgrade']);
    const call = ops.scripted.calls.find((c) => c.argv.at(-1) === 'upgrade');
    expect(call?.argv).toEqual([
      'docker',
      'exec',
      '-i',
      '-e',
      'PGOPTIONS',
      '-e',
      'PGAPPNAME',
      'one',
      'bash',
      '-c',
      '_o=$PGOPTIONS _n=$PGAPPNAME; set -a; . "$1/.env"; set +a; export PGOPTIONS="$PGOPTIONS $_o" PGAPPNAME="$_n"; export "$2=false"; cd "$1"; shift 2; exec "$@"',
      'flask',
      '/app',
      'ENABLE_SCHEDULER',
      '/app/.venv/bin/python',
      '-c',
      'import json, sys; exec(json.loads(sys.stdin.readline()))',
      'whalefall-ops: loaded',
      '90',
      '600',
      '--app',
      'app:create_app',
      'db',
      'upgrade',
    ]);
    expect(call?.env).toMatchObject({ PGOPTIONS: '-c lock_timeout=10000', PGAPPNAME: 'whalefall-ops migrate' });
  });

  it('does nothing when the newest revision is there', async () => {
    const { ops, did } = stage({ version: HEAD, tables: 16, holding: 6 });
    expect(await migrate(ops, db, 'one', { head: HEAD })).toEqual({
      from: HEAD,
      to: HEAD,
      stamped: false,
      applied: [],
    });
    expect(did).toEqual([]);
  });

  it('stamps what the tables show, then upgrades', async () => {
    const world: World = { version: null, tables: 16, holding: 3 };
    const { ops, did } = stage(world, upgraded(world));
    expect(await migrate(ops, db, 'one', { head: HEAD })).toMatchObject({ from: '20251224134000', stamped: true });
    expect(did).toEqual(['stamp 20251224134000', 'upgrade']);
  });

  it('touches nothing when the stamp is too low', async () => {
    const { ops, did } = stage({ version: '20251224134000', tables: 16, holding: 6 });
    await expect(migrate(ops, db, 'one', { head: HEAD })).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringContaining('already those of 20251230183000') },
    });
    expect(did).toEqual([]);
  });

  it('uses what was asked before', async () => {
    const world: World = { version: null, tables: 0, holding: 0 };
    const { ops } = stage(world, upgraded(world));
    await migrate(ops, db, 'one', { head: HEAD, schema: { kind: 'empty' } });
    expect(ops.scripted.calls.filter((c) => c.argv.at(-1) === 'heads')).toEqual([]);
    expect(ops.scripted.calls.find((c) => c.argv.includes('flask'))?.env.PGOPTIONS).toBe('-c lock_timeout=10000');
  });

  it('names who holds the lock, without the values in their query', async () => {
    const { ops } = stage({ version: '20251224134000', tables: 16, holding: 3 }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 50)); // long enough to look
      return { exitCode: 1, stderr: 'sqlalchemy.exc.OperationalError: (psycopg.errors.LockNotAvailable) 错误: 锁超时' };
    });
    const error = await migrate(ops, db, 'one', { head: HEAD }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      kind: 'command',
      what: { en: expect.stringContaining("pid 42 · pg_dump · bob · socket · active · T · COPY t TO '…'") },
      state: { en: expect.stringContaining('at revision 20251224134000') },
    });
  });

  it('says when the database is newer than the image', async () => {
    const { ops } = stage({ version: '20991231000000', tables: 16, holding: 6 }, () => ({
      exitCode: 1,
      stderr: "Error: Can't locate revision identified by '20991231000000'",
    }));
    await expect(migrate(ops, db, 'one', { head: HEAD })).rejects.toMatchObject({
      what: { en: expect.stringContaining('newer release') },
    });
  });

  it.each([
    ['says where it hangs', HANGS, /could not be loaded within 90 s[\s\S]*driver\.py", line 6 in connect/],
    ['says why not', 'ImportError: cannot import name x\n', /exit code 1\nImportError/],
  ])(
    'of an application that can’t be loaded it %s, and not that anything was taken back',
    async (_what, stderr, says) => {
      const noted: unknown[] = [];
      const world: World = { version: '20251224134000', tables: 16, holding: 3 };
      const { ops, did } = stage(world, upgraded(world), () => ({ exitCode: 1, stderr }));
      const failed = migrate(ops, db, 'one', { head: HEAD, noteSchema: (before) => noted.push(before) });
      await expect(failed).rejects.toMatchObject({ what: { en: expect.stringMatching(says) }, state: undefined });
      expect([noted, did]).toEqual([[], []]);
    },
  );

  it('takes an application that ends the program while it is loaded neither for one that hangs nor for a migration', async () => {
    const world: World = { version: '20251224134000', tables: 16, holding: 3 };
    const { ops, did } = stage(world, upgraded(world), () => ({ exitCode: 0 }));
    await expect(migrate(ops, db, 'one', { head: HEAD })).rejects.toMatchObject({
      kind: 'failed',
      what: { en: expect.stringContaining('before anything was migrated') },
    });
    expect(did).toEqual([]);
  });

  it('loads once more what has died before its turn', async () => {
    const world: World = { version: '20251224134000', tables: 16, holding: 3 };
    let loads = 0;
    const { ops, did } = stage(world, upgraded(world), () =>
      ++loads === 1 ? { stdout: `\n${LOADED}\n`, hangs: true } : `\n${LOADED}`,
    );
    const upgrade = loadUpgrade(ops, 'one');
    await upgrade.loaded();
    const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
    await settled();
    ops.scripted.kill(ops.scripted.calls[0]?.pid ?? 0, 'SIGKILL');
    await settled();
    expect(await migrate(ops, db, 'one', { head: HEAD, upgrade })).toMatchObject({ to: HEAD });
    expect([loads, did]).toEqual([2, ['upgrade']]);
  });

  it('ends the sessions of a migration that took too long', async () => {
    const { ops, did } = stage({ version: '20251224134000', tables: 16, holding: 3 }, () => ({ exitCode: 142 }));
    await expect(migrate(ops, db, 'one', { head: HEAD })).rejects.toMatchObject({
      kind: 'deadline',
      what: { en: expect.stringContaining('no end after 600 s') },
    });
    expect(did).toEqual(['upgrade', 'end sessions']);
  });

  it('does not believe an upgrade that ended well elsewhere', async () => {
    const { ops } = stage({ version: null, tables: 0, holding: 0 }, () => ({}));
    await expect(migrate(ops, db, 'one', { head: HEAD })).rejects.toMatchObject({
      what: { en: expect.stringContaining('DATABASE_URL') },
    });
  });

  it('says what stays when it commits on its way, by names alone', async () => {
    const world: World = { version: '20251224134000', tables: 16, holding: 3 };
    let mood = '';
    world.objects = () => `["the alembic revision","x"]\n${mood}`;
    const { ops } = stage(world, () => {
      mood = '["column public.notes.mood","text DEFAULT secret"]\n';
      return { exitCode: 1, stderr: 'boom' };
    });
    const noted: number[] = [];
    const error = await migrate(ops, db, 'one', {
      head: '20251231120100',
      noteSchema: (before) => noted.push(before.size),
    }).catch((e) => e);
    expect(noted).toEqual([1]);
    expect(error.state.en).toContain('a part of them stays although they failed: column public.notes.mood.');
    expect(error.state.en).not.toContain('secret');
  });

  it('does not take the stamp that it has set itself for a part of a migration that was taken back', async () => {
    const world: World = { version: null, tables: 16, holding: 3 };
    world.objects = () => `["the alembic revision",${JSON.stringify(world.version)}]\n`;
    const { ops, did } = stage(world, () => ({ exitCode: 1, stderr: 'boom' }));
    const noted: unknown[] = [];
    const noteSchema = (before: ReadonlyMap<string, string>) => noted.push(...before.values());
    await expect(migrate(ops, db, 'one', { head: HEAD, noteSchema })).rejects.toMatchObject({
      state: { en: expect.stringContaining('at revision 20251224134000, its schema as before') },
    });
    expect([did, noted]).toEqual([['stamp 20251224134000', 'upgrade'], ['20251224134000']]);
  });

  it('shows no secret of a failed migration', async () => {
    const { ops } = stage({ version: '20251224134000', tables: 16, holding: 3 }, () => ({
      exitCode: 1,
      stderr: 'url x:s3cret-pw@y',
    }));
    ops.secrets.add('s3cret-pw');
    await expect(migrate(ops, db, 'one', { head: HEAD })).rejects.toMatchObject({
      what: { en: expect.stringContaining('[secret]') },
    });
  });
});

describe('the newest revision', () => {
  it.each([[[]], [['aaa1', 'bbb2']]])('is one, or refused: %o', (found) => {
    expect(() => oneHead(found)).toThrow(expect.objectContaining({ kind: 'precondition' }));
  });

  it('may be called anything', () => expect(oneHead(['2026.06.02_merge'])).toBe('2026.06.02_merge'));
});

describe('seed', () => {
  it('is one transaction, by stdin, stopped by the first error', async () => {
    const ops = testOps(() => ({ exitCode: 3, stderr: 'ERROR:  relation "x" does not exist' }));
    const file = path.join(ops.paths.run, 'seed.sql');
    writeFileSync(file, 'INSERT INTO x VALUES (1);');
    await expect(seed(ops, db, file)).rejects.toMatchObject({ what: { en: expect.stringContaining('relation "x"') } });
    const [call] = ops.scripted.calls;
    expect(call?.argv.join(' ')).toBe(
      'docker exec -i -e PGOPTIONS dbid psql -X -w -qAt -v ON_ERROR_STOP=1 -U app_user -d appdb -1 -f -',
    );
  });
});

describe('withoutValues', () => {
  it.each([
    ["ALTER ROLE x PASSWORD 'pw'", "ALTER ROLE x PASSWORD '…'"],
    ["SELECT 'it''s', E'a\\'b', $$x$$, $t$ y $$ $t$, \"Na'me\"", "SELECT '…', '…', '…', '…', \"Na'me\""],
    ["SELECT 'cut off in the mid", "SELECT '…'"],
    ['SELECT $q$cut off', "SELECT '…'"],
    ["SELECT 1 -- 'pw\n, 2 /* pw */ /* cut", 'SELECT 1  \n, 2    '],
  ])('%o', (query, expected) => expect(withoutValues(query)).toBe(expected));
});
