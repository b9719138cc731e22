import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Ops } from '../../../../lib/core/ops.ts';
import { type DatabaseManifest, readManifest, type Stored } from '../../../../lib/domain/backup/manifest.ts';
import { isSafeToDelete, type SafeToDelete, verifyBackup } from '../../../../lib/domain/backup/proofs.ts';
import { applySettings, compareContents, compareProperties } from '../../../../lib/domain/backup/verify.ts';
import type { Contents } from '../../../../lib/tools/postgres/fingerprint.ts';
import { parseContents } from '../../../../lib/tools/postgres/fingerprint.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';
import {
  CONTENTS,
  contentsLines,
  FACTS,
  restored,
  sequenceLines,
  storedBackup,
  throwaway,
  VOLUME,
} from './backup.fakes.ts';

const server = (call: Call): Reply =>
  call.argv.includes('psql') ? { stdout: call.input.includes('hashtextextended') ? restored() : '' } : {};

const verified = (ops: Ops, stored: Stored<DatabaseManifest>) =>
  verifyBackup(ops, stored, throwaway(), { holder: 'c0ffee', finalDir: stored.dir });

describe('a verification', () => {
  it('applies the roles, creates the database as it was, restores, and asks the same questions', async () => {
    const ops = testOps(server);
    const stored = await storedBackup(ops);
    const proof = await verified(ops, stored);
    expect(readManifest(stored.dir).verification.level).toBe('restored');
    expect(proof.covers).toEqual(VOLUME);
    const [there, roles, restore, look] = ops.scripted.calls;
    expect(there?.input).toContain('pg_authid');
    const psql = 'docker exec -i -e PGOPTIONS feed psql -X -w -qAt -v ON_ERROR_STOP=1 -U throwaway_1 -d'.split(' ');
    expect(roles?.argv).toEqual([...psql, 'postgres']);
    expect(roles?.input).toContain('CREATE ROLE whalefall_user;');
    expect(
      roles?.input,
    ).toContain(`CREATE DATABASE "trial 20260102T030405Z-whalefall" TEMPLATE template0 OWNER "whalefall_user"
  ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' LOCALE_PROVIDER libc;`);
    const trial = "dbname='trial 20260102T030405Z-whalefall'";
    expect(restore?.argv).toEqual([
      ...'docker exec -i -e PGOPTIONS feed pg_restore -w -e -v --no-subscriptions -U throwaway_1 -d'.split(' '),
      trial,
      '--single-transaction',
    ]);
    expect(look?.argv).toEqual([...psql, trial]);
    expect(ops.scripted.calls).toHaveLength(4);
  });

  it.each([
    ['changed', (file: string) => writeFileSync(file, 'PGDMQ')],
    ['longer', (file: string) => appendFileSync(file, 'x')],
    ['shorter', (file: string) => writeFileSync(file, 'PG')],
    ['missing', (file: string) => rmSync(file)],
  ])('of a file that is %s ends before anything is restored', async (_how, damage) => {
    for (const name of ['database.dump', 'globals.sql']) {
      const ops = testOps(() => undefined);
      const stored = await storedBackup(ops);
      damage(path.join(stored.dir, name));
      await expect(verified(ops, stored)).rejects.toMatchObject({
        kind: 'precondition',
        what: { en: expect.stringContaining(name) },
      });
      expect(readManifest(stored.dir).verification.level).toBe('none');
    }
  });

  it('creates no role that the image’s own start has brought', async () => {
    const ops = testOps((call) =>
      call.input.includes('to_jsonb(rolname)') ? { stdout: '"whalefall_user"' } : server(call),
    );
    await verified(ops, await storedBackup(ops));
    expect(ops.scripted.calls.map((c) => c.input).join()).not.toContain('CREATE ROLE whalefall_user');
  });

  it('leaves no proof when a step fails, whichever', async () => {
    for (const failing of [0, 1, 2, 3]) {
      let n = 0;
      const ops = testOps((call) => (n++ === failing ? { exitCode: 3, stderr: 'ERROR' } : server(call)));
      const stored = await storedBackup(ops);
      await expect(verified(ops, stored)).rejects.toMatchObject({ kind: 'command' });
      expect(readManifest(stored.dir).verification.level).toBe('none');
    }
  });
});

describe('a proof', () => {
  const inspect = (createdAt: string, mounts: readonly string[]) => (call: Call) => {
    if (call.argv[1] === 'volume') {
      return createdAt
        ? { stdout: JSON.stringify([{ CreatedAt: createdAt, Driver: 'local' }]) }
        : { exitCode: 1, stderr: 'Error: No such volume: prod_postgres_data' };
    }
    if (call.argv[1] === 'inspect') {
      if (mounts.length === 0) return { exitCode: 1, stdout: '\n', stderr: 'no such object' };
      return { stdout: JSON.stringify(mounts.map((Name) => ({ Type: 'volume', Name }))) };
    }
    return server(call);
  };
  const proofOver = async (createdAt: string, mounts: readonly string[]) => {
    const ops = testOps(inspect(createdAt, mounts));
    const stored = await storedBackup(ops);
    return { ops, stored, proof: await verified(ops, stored) };
  };

  it('holds while the volume is the one that was saved', async () => {
    const same = await proofOver(VOLUME.createdAt, []);
    await same.proof.check(same.ops);
    const touched = await proofOver('2026-01-02T09:09:09Z', [VOLUME.name]);
    await touched.proof.check(touched.ops); // its container still has it, so it can be no other
  });

  it.each([
    ['another one', '2026-01-02T09:09:09Z', []],
    ['another one, and the container has others', '2026-01-02T09:09:09Z', ['prod_redis_data']],
    ['gone', '', [VOLUME.name]],
  ])('does not hold for a volume that is %s', async (_how, createdAt, mounts) => {
    const { ops, proof } = await proofOver(createdAt, mounts);
    await expect(proof.check(ops)).rejects.toMatchObject({ kind: 'precondition' });
  });

  it('does not hold for an engine that does not answer', async () => {
    const { ops, proof } = await proofOver(VOLUME.createdAt, []);
    const silent = testOps(() => ({ exitCode: 1, stderr: 'Cannot connect to the Docker daemon' }));
    await expect(proof.check({ ...ops, $: silent.$ })).rejects.toMatchObject({ kind: 'command' });
  });

  it('does not hold for a file that changed, a manifest that was replaced, or when it is old', async () => {
    const changed = await proofOver(VOLUME.createdAt, []);
    writeFileSync(path.join(changed.stored.dir, 'database.dump'), 'PGDMQ');
    await expect(changed.proof.check(changed.ops)).rejects.toMatchObject({ kind: 'precondition' });

    const replaced = await proofOver(VOLUME.createdAt, []);
    rmSync(replaced.stored.dir, { recursive: true });
    await storedBackup(replaced.ops);
    await expect(replaced.proof.check(replaced.ops)).rejects.toThrow(/not the one that was verified/);

    const old = await proofOver(VOLUME.createdAt, []);
    await old.ops.clock.sleep(3_600_001);
    await expect(old.proof.check(old.ops)).rejects.toThrow(/too old/);
  });

  it('is made by no other way than verifying', async () => {
    const { proof, stored } = await proofOver(VOLUME.createdAt, []);
    expect(isSafeToDelete(proof)).toBe(true);
    expect(isSafeToDelete({ ...proof, covers: VOLUME, check: async () => undefined })).toBe(false);
    expect(isSafeToDelete(Object.create(Object.getPrototypeOf(proof)))).toBe(false);
    expect(isSafeToDelete(undefined)).toBe(false);
    // @ts-expect-error a look-alike is no proof: the class has private parts
    const forged: SafeToDelete = {
      covers: VOLUME,
      check: async () => undefined,
      kind: 'backup',
      dir: '',
      manifest: stored.manifest,
    };
    expect(isSafeToDelete(forged)).toBe(false);
  });
});

describe('a comparison', () => {
  const other = (change: (c: Contents) => Partial<Contents>) => ({ ...CONTENTS, ...change(structuredClone(CONTENTS)) });
  const table = CONTENTS.tables[0] as Contents['tables'][number];
  const sequence = CONTENTS.sequences[0] as Contents['sequences'][number];

  it('finds nothing in the same', () => {
    expect(compareContents(CONTENTS, structuredClone(CONTENTS))).toEqual([]);
  });

  it.each<[string, Contents]>([
    ['table public.users is missing', other(() => ({ tables: [] }))],
    [
      'table public.evil\\x1b was not there',
      other((c) => ({ tables: [...c.tables, { ...table, name: 'evil\u001b' }] })),
    ],
    ['table public.users: 2 → 1', other(() => ({ tables: [{ ...table, rows: 1 }] }))],
    ['table public.users: ≠', other(() => ({ tables: [{ ...table, hash: '7' }] }))],
    ['sequence public.users_id_seq: 2 → 3', other(() => ({ sequences: [{ ...sequence, lastValue: '3' }] }))],
    ['sequence public.users_id_seq: 2 → 2', other(() => ({ sequences: [{ ...sequence, isCalled: false }] }))],
    ['extension plpgsql is missing', other(() => ({ extensions: [] }))],
    ['large objects: {"count":0', other(() => ({ largeObjects: { count: 1, hash: '1' } }))],
    ['alembic revision: 20251219161048 → null', other(() => ({ alembic: null }))],
    ['relation i: 0 → 1', other(() => ({ objects: { 'relation r': 1, 'relation i': 1 } }))],
    ['relation r: 1 → 0', other(() => ({ objects: {} }))],
  ])('names it: %s', (message, found) => {
    const [difference, ...more] = compareContents(CONTENTS, found);
    expect(difference?.en).toContain(message);
    expect(difference?.zh).not.toBe('');
    expect(more).toEqual([]);
  });

  it('lets a sequence be anywhere between its values before and after the dump', () => {
    const moved = { ...CONTENTS, sequences: [{ ...sequence, upTo: '9' }] };
    const at = (lastValue: string) =>
      compareContents(moved, { ...CONTENTS, sequences: [{ ...sequence, lastValue, isCalled: false }] }).length;
    expect(['1', '2', '5', '9', '10'].map(at)).toEqual([1, 0, 0, 0, 1]);
    const down = {
      ...CONTENTS,
      sequences: [{ ...sequence, lastValue: '9223372036854775807', upTo: '9223372036854775800' }],
    };
    expect(
      compareContents(down, { ...CONTENTS, sequences: [{ ...sequence, lastValue: '9223372036854775803' }] }),
    ).toEqual([]);
  });

  it('also of what belongs to the database itself, apart from its name', () => {
    expect(compareProperties(FACTS.database, { ...FACTS.database, name: 'trial' })).toEqual([]);
    expect(compareProperties(FACTS.database, { ...FACTS.database, owner: 'x' })).toHaveLength(1);
  });

  it('minds neither what each new database has nor in which order a server sorts', () => {
    const without = { ...CONTENTS, extensions: [] };
    expect(compareContents(without, CONTENTS)).toEqual([]);
    const settings = ['TimeZone', 'application_name'].map((name) => ({ role: null, name, value: 'UTC' }));
    const sorted = (s: typeof settings) => ({ ...FACTS.database, privileges: [], settings: s });
    const late = { stdout: JSON.stringify({ settings: settings.toReversed(), connectionLimit: -1 }) };
    expect(compareProperties(sorted(settings), sorted(settings.toReversed()))).toEqual([]);
    return expect(
      applySettings(
        testOps(() => late),
        throwaway(),
        'trial',
        sorted(settings),
      ),
    ).resolves.toEqual([]);
  });

  it('of settings and limit comes last, from outside: they could stop what fills the database', async () => {
    const late = (found: string) => (call: Call) =>
      call.input.includes('CONNECTION LIMIT') ? { stdout: found } : server(call);
    const settings = [{ role: null, name: 'default_transaction_read_only', value: 'on' }];
    const database = { ...FACTS.database, settings, connectionLimit: 1 };
    const good = testOps(late(JSON.stringify({ settings, connectionLimit: 1 })));
    await verified(good, await storedBackup(good, { database }));
    const at = (word: string) => good.scripted.calls.findIndex((c) => c.argv.includes(word) || c.input.includes(word));
    expect(at('CONNECTION LIMIT')).toBeGreaterThan(at('pg_restore'));
    expect(good.scripted.calls[at('CONNECTION LIMIT')]?.argv.at(-1)).toBe('postgres');
    const bad = testOps(late(JSON.stringify({ settings: [], connectionLimit: 1 })));
    await expect(verified(bad, await storedBackup(bad, { database }))).rejects.toMatchObject({
      what: { en: expect.stringContaining('database settings') },
    });
  });

  it('needs a whole answer', () => {
    const lines = [...sequenceLines(), ...contentsLines()];
    expect(parseContents(lines)).toEqual(CONTENTS);
    for (const cut of [1, 2, lines.length]) expect(() => parseContents(lines.slice(0, -cut))).toThrow(/not whole/);
    expect(() => parseContents([...lines, 'NOTICE'])).toThrow();
    expect(() => parseContents([...lines, '{"is":"surprise"}'])).toThrow();
  });
});
