import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { spanText } from '../../../../lib/core/text.ts';
import {
  listBackups,
  readManifest,
  type VolumeManifest,
  writeManifest,
} from '../../../../lib/domain/backup/manifest.ts';
import { progressText } from '../../../../lib/domain/backup/messages.ts';
import { sortOut } from '../../../../lib/domain/backup/retention.ts';
import { confirmDestructive } from '../../../../lib/domain/data/consent.ts';
import { removeBackups } from '../../../../lib/domain/data/remove-backups.ts';
import { writeRelease } from '../../../../lib/domain/ledger/releases.ts';
import { exportBackup, partialOf } from '../../../../lib/flows/backup/export.ts';
import { listAll } from '../../../../lib/flows/backup/list.ts';
import { afterVerification } from '../../../../lib/flows/backup/outcome.ts';
import { prune } from '../../../../lib/flows/backup/prune.ts';
import { verify } from '../../../../lib/flows/backup/verify.ts';
import { readCommandLine } from '../../../../lib/runs/command-line/command-line.ts';
import { digest } from '../../../../lib/tools/files/durable.ts';
import { backupProd } from '../../../../scripts/backup-prod.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';
import { restored, storedBackup, VOLUME } from '../../domain/backup/backup.fakes.ts';

const AT = '2026-01-02T03:04:05.000Z';
const proved = { level: 'restored', at: AT, milliseconds: 5 } as const;
const nothing = () => undefined;

type Verification = VolumeManifest['verification'];

/** A complete copy of a volume. */
async function storedArchive(ops: TestOps, verification: Verification): Promise<VolumeManifest> {
  const id = '20260102T030405Z-prod_postgres_data';
  const dir = path.join(ops.paths.backups, id);
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, 'volume.tar'), Buffer.alloc(4096));
  return writeManifest(dir, {
    ...{ kind: 'volume', version: 1, id, createdAt: AT, run: 'test', reason: 'rebuild', tag: null, commit: null },
    imageId: 'sha256:abc',
    volume: VOLUME,
    mountPoint: '/var/lib/postgresql/data',
    files: { archive: { name: 'volume.tar', ...(await digest(path.join(dir, 'volume.tar'))) } },
    entries: 1,
    verification,
  });
}

/** As compose says it. */
const CONFIG = JSON.stringify({
  name: 'prod',
  services: {
    postgres: {
      image: 'postgres:15',
      environment: { POSTGRES_USER: 'whalefall_user', POSTGRES_DB: 'whalefall' },
      volumes: [{ type: 'volume', source: 'data', target: '/var/lib/postgresql/data' }],
    },
    redis: { image: 'redis:7' },
    whalefall: { image: 'whalefall:prod' },
  },
  volumes: { data: { name: VOLUME.name } },
});

/** Three backups, the newest first: `a` proved, `b` and `c` older. */
async function shelf(ops: TestOps) {
  const [a, b, c] = ['20260102T030405Z-a', '20260101T030405Z-b', '20251231T030405Z-c'] as const;
  const on = (day: string) => ({ createdAt: `${day}T03:04:05.000Z`, verification: proved });
  await storedBackup(ops, { id: a, ...on('2026-01-02') });
  await storedBackup(ops, { id: b, ...on('2026-01-01') });
  await storedBackup(ops, { id: c, ...on('2025-12-31') });
  return { a, b, c };
}
const left = (ops: TestOps) => readdirSync(ops.paths.backups).sort();

describe('prune', () => {
  const keepOne = { planOnly: false, retention: { keep: 1 }, confirm: 'DELETE BACKUPS' };

  it('removes what the numbers give up, after the phrase, and journals it', async () => {
    const ops = testOps(nothing);
    const { a } = await shelf(ops);
    await prune(ops, keepOne);
    expect(left(ops)).toEqual([a]);
    expect(ops.written.filter((e) => e.event === 'intent')).toHaveLength(2);
    expect(ops.shown).toContainEqual(expect.objectContaining({ event: 'table', id: 'losses' }));
  });

  it.each([undefined, 'delete backups', 'yes'])('removes nothing when told %j', async (confirm) => {
    const ops = testOps(nothing);
    await shelf(ops);
    const before = left(ops);
    await expect(prune(ops, { ...keepOne, confirm })).rejects.toMatchObject({ kind: 'declined', exitCode: 4 });
    expect(left(ops)).toEqual(before);
  });

  it('leaves what a release names, also under --plan, when the state is another directory', async () => {
    const ops = testOps(nothing);
    const { a, b, c } = await shelf(ops);
    const release = {
      at: AT,
      kind: 'hot',
      commit: 'c'.repeat(40),
      subject: 's',
      imageId: 'i',
      previousImage: undefined,
      run: 'r',
    };
    writeRelease(ops.paths, { ...release, kind: 'hot', backup: path.join('/elsewhere', c) });
    const plan = { ...ops, paths: { ...ops.paths, state: '/nowhere' } };
    expect((await prune(plan, { ...keepOne, planOnly: true })).en).toContain('1 backups');
    expect(left(ops)).toHaveLength(4 - 1);
    await prune(ops, keepOne);
    expect(left(ops)).toEqual([c, a]);
    expect(b).not.toBe(c);
  });

  it('clears away what killed runs left, and leaves damaged manifests alone', async () => {
    const ops = testOps(nothing);
    const { a } = await shelf(ops);
    for (const name of ['20250101T000000Z-x.partial', '20250101T000000Z-y.doomed', '20240101T000000Z-z']) {
      mkdirSync(path.join(ops.paths.backups, name));
    }
    await prune(ops, keepOne);
    expect(left(ops)).toEqual(['20240101T000000Z-z', a]);
  });

  it('wants a number', async () => {
    const asked = prune(testOps(nothing), { ...keepOne, retention: {} });
    await expect(asked).rejects.toMatchObject({ kind: 'usage', exitCode: 2 });
  });

  it('does not remove one that has changed since it was shown, nor one that was not', async () => {
    const ops = testOps(nothing);
    const { b, c } = await shelf(ops);
    const { stored } = listBackups(ops.paths.backups);
    const { goes } = sortOut(stored, { keep: 1 }, new Set(), Date.parse(AT));
    const request = { title: { en: '', zh: '' }, phrase: 'x', volumes: [], losses: [] };
    const consent = await confirmDestructive(ops, { ...request, backups: goes.map((g) => g.stored) }, 'x');
    const changed = path.join(ops.paths.backups, c);
    await writeManifest(changed, { ...readManifest(changed), reason: 'another' });
    expect(() => removeBackups(ops, goes, consent)).toThrow(/does not cover the backup .*-c/);
    const other = await confirmDestructive(ops, request, 'x');
    expect(() => removeBackups(ops, goes, other)).toThrow(/does not cover/);
    const forged = [{ stored: stored[0] }] as unknown as typeof goes;
    expect(() => removeBackups(ops, forged, consent)).toThrow(/only with a consent/);
    expect(left(ops)).toContain(b);
    expect(left(ops)).toContain(c);
  });
});

describe('verify', () => {
  const engine =
    (change: (call: Call) => Reply | undefined = nothing) =>
    (call: Call): Reply | undefined => {
      const own = change(call);
      if (own) return own;
      const line = call.argv.join(' ');
      if (line.startsWith('docker image inspect -f')) return { stdout: 'sha256:abc' };
      if (line.startsWith('docker image inspect')) return { stdout: '[{"Config":{"Env":[],"Volumes":null}}]' };
      if (/^docker (ps|network ls|image ls|rm) /.test(line)) return { stdout: '' };
      if (line.includes('--entrypoint pg_restore')) return {};
      if (/ df /.test(line))
        return {
          stdout: 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 100000000 1 90000000 1% /d\n',
        };
      if (line.startsWith('docker run')) return { stdout: 'feed' };
      if (/pg_isready|pg_restore/.test(line)) return {};
      if (line.includes('psql')) return { stdout: call.input.includes('hashtextextended') ? restored() : '' };
      return undefined;
    };
  const noted = (ops: TestOps, id: string) => readManifest(path.join(ops.paths.backups, id)).verification;

  it('restores and compares, and notes that', async () => {
    const ops = testOps(engine());
    const { manifest } = await storedBackup(ops);
    await verify(ops, 'latest', 'restored', false);
    expect(noted(ops, manifest.id).level).toBe('restored');
  });

  it.each(['checksum', 'readable', 'restored'] as const)('finds a changed file at level %s', async (level) => {
    const ops = testOps(engine());
    const { dir, manifest } = await storedBackup(ops, { verification: proved });
    writeFileSync(path.join(dir, 'globals.sql'), 'CREATE ROLE whalefall_usex;\n');
    const failing = verify(ops, manifest.id, level, false);
    await expect(failing).rejects.toMatchObject({ kind: 'failed', exitCode: 1, state: expect.anything() });
    expect(noted(ops, manifest.id)).toMatchObject({ level: 'none', failure: { level } });
  });

  it.each([
    ['', undefined],
    ['corrupt zlib', 1],
  ])('tells what it found of a copy whose manifest can not be written: %s', async (stderr, exitCode) => {
    const manifest = 'manifest.json';
    let dir = '';
    const ops = testOps(
      engine((c) => {
        if (!c.argv.includes('--entrypoint')) return undefined;
        rmSync(path.join(dir, manifest));
        mkdirSync(path.join(dir, manifest));
        return stderr ? { exitCode: 1, stderr } : {};
      }),
    );
    ({ dir } = await storedBackup(ops));
    const ended = await verify(ops, path.basename(dir), 'readable', false).catch((e: unknown) => e);
    expect(ended).toMatchObject(exitCode ? { exitCode, kind: 'failed' } : { en: expect.stringContaining('readable') });
    expect(JSON.stringify(ended)).not.toContain('The result is in the manifest');
  });

  it('finds what only pg_restore finds, and what only the comparison finds', async () => {
    const unreadable = testOps(
      engine((c) => (c.argv.includes('--entrypoint') ? { exitCode: 1, stderr: 'corrupt zlib' } : undefined)),
    );
    await storedBackup(unreadable);
    await expect(verify(unreadable, 'latest', 'readable', false)).rejects.toMatchObject({ exitCode: 1 });
    const short = testOps(
      engine((c) => (c.argv.includes('--entrypoint') ? { exitCode: 1, stderr: 'error: out of memory' } : undefined)),
    );
    await storedBackup(short);
    await expect(verify(short, 'latest', 'readable', false)).rejects.toMatchObject({ exitCode: 3 });
    const fewer = testOps(engine((c) => (c.input.includes('hashtextextended') ? { stdout: restored(1) } : undefined)));
    const { manifest } = await storedBackup(fewer);
    await expect(verify(fewer, 'latest', 'restored', false)).rejects.toMatchObject({
      exitCode: 1,
      what: { en: expect.stringContaining('2 → 1') },
    });
    expect(noted(fewer, manifest.id).failure?.what).toContain('2 → 1');
  });

  it.each<[string, Reply]>([
    ['the engine', { exitCode: 125, stderr: 'Cannot connect to the Docker daemon' }],
    ['the disk', { exitCode: 1, stderr: 'ERROR: could not extend file: No space left on device' }],
  ])('does not blame the backup for %s', async (_what, reply) => {
    let gone = false;
    const dead = testOps(
      engine((c) => {
        if (gone && c.argv.includes('pg_isready')) return { exitCode: 1 };
        if (!c.argv.includes('--single-transaction')) return undefined;
        gone = reply.exitCode === 125;
        return reply;
      }),
    );
    const { manifest } = await storedBackup(dead, { verification: proved });
    await expect(verify(dead, 'latest', 'restored', false)).rejects.toMatchObject({
      kind: 'precondition',
      exitCode: 3,
    });
    expect(noted(dead, manifest.id)).toEqual(proved);
  });

  it('finds a backup by a path as seen from the deploy directory, as a restore does', async () => {
    const ops = testOps(engine());
    const { dir, manifest } = await storedBackup(ops);
    await verify(ops, path.relative(ops.target.dir, dir), 'checksum', false);
    expect(noted(ops, manifest.id).level).toBe('checksum');
  });

  it('knows no such backup (3), none that is unfinished, and a damaged manifest as damage (1)', async () => {
    const ops = testOps(engine());
    await expect(verify(ops, 'latest', 'checksum', false)).rejects.toMatchObject({ exitCode: 3 });
    const { dir } = await storedBackup(ops);
    await expect(verify(ops, 'other', 'checksum', false)).rejects.toMatchObject({
      exitCode: 3,
      next: [{ en: expect.stringContaining('20260102T030405Z-whalefall') }, expect.anything()],
    });
    mkdirSync(`${dir}.partial`);
    await expect(verify(ops, `${path.basename(dir)}.partial`, 'checksum', false)).rejects.toMatchObject({
      exitCode: 3,
    });
    const newer = path.join(ops.paths.backups, '20270101T000000Z-whalefall');
    mkdirSync(newer);
    writeFileSync(path.join(newer, 'manifest.json'), '{"kind":"database"}');
    await expect(verify(ops, path.basename(newer), 'checksum', false)).rejects.toMatchObject({
      kind: 'failed',
      exitCode: 1,
    });
    expect(listAll(ops).en).toBe('1 backups, 1 damaged');
    const list = ops.shown.find((e) => e.event === 'list');
    expect(list?.items.map((i) => i.state)).toEqual(['complete', 'damaged', 'unfinished']);
  });

  it.each<[string, Verification]>([
    [
      'what a server found wrong',
      { level: 'none', at: AT, milliseconds: 5, failure: { level: 'started', what: 'PANIC' } },
    ],
    ['that a server ran on it', { level: 'started', at: AT, milliseconds: 5 }],
  ])('of a volume’s archive by reading it takes back nothing: %s', async (_what, verification) => {
    const ops = testOps((c) =>
      c.argv[0] === 'tar' ? { stdout: 'data/\n' } : c.argv.includes('config') ? { stdout: CONFIG } : engine()(c),
    );
    writeFileSync(path.join(ops.target.dir, 'docker-compose.prod.yml'), 'services: {}\n');
    const { id } = await storedArchive(ops, verification);
    await verify(ops, id, 'readable', false);
    expect(noted(ops, id)).toEqual(verification);
    await verify(ops, id, 'checksum', false);
    expect(noted(ops, id)).toEqual(verification);
  });

  /** A server that never answers on the copy: whether it still runs, how it ended, what it said. */
  const noServer = (running: boolean, exitCode: number, said: string) => {
    const ops: TestOps = testOps(async (c) => {
      const line = c.argv.join(' ');
      if (c.argv[0] === 'tar') return { stdout: 'data/\n' };
      if (c.argv.includes('config')) return { stdout: CONFIG };
      if (/^docker (create|cp|start)/.test(line)) return { stdout: 'feed\n' };
      if (line.includes('pg_isready')) return { exitCode: 2 };
      if (running) await ops.clock.sleep(600_000);
      if (line.includes('.State.Running')) return { stdout: `${running}\n` };
      if (line.includes('.State.ExitCode')) return { stdout: `${exitCode}\n` };
      if (line.startsWith('docker logs')) return { stderr: `LOG:  starting PostgreSQL\n${said}\n` };
      return engine()(c);
    });
    return ops;
  };

  it.each([
    ['a recovery that takes longer than the wait', true, 0, 'LOG:  redo in progress'],
    ['the disk', false, 1, 'FATAL:  could not write to file "pg_wal/xlogtemp.29": No space left on device'],
    [
      'shared memory',
      false,
      1,
      'FATAL:  could not resize shared memory segment "/PostgreSQL.1": No space left on device',
    ],
    [
      'the kernel, which ended its process',
      false,
      1,
      'LOG:  startup process (PID 29) was terminated by signal 9: Killed',
    ],
    ['the kernel, which ended it', false, 137, 'LOG:  database system was interrupted'],
    ['whoever stopped it', false, 0, 'LOG:  received fast shutdown request'],
  ])('does not blame a volume’s archive for %s', async (_what, running, exitCode, said) => {
    const ops = noServer(running, exitCode, said);
    writeFileSync(path.join(ops.target.dir, 'docker-compose.prod.yml'), 'services: {}\n');
    const before: Verification = { level: 'started', at: AT, milliseconds: 5 };
    const { id } = await storedArchive(ops, before);
    await expect(verify(ops, id, 'restored', false)).rejects.toMatchObject({
      kind: 'precondition',
      exitCode: 3,
      what: { en: expect.stringContaining(said) },
    });
    expect(noted(ops, id)).toEqual(before);
  });

  it('blames a volume’s archive for a server that gives up on it by itself', async () => {
    const ops = noServer(false, 1, 'PANIC:  could not locate a valid checkpoint record');
    writeFileSync(path.join(ops.target.dir, 'docker-compose.prod.yml'), 'services: {}\n');
    const { id } = await storedArchive(ops, { level: 'started', at: AT, milliseconds: 5 });
    await expect(verify(ops, id, 'restored', false)).rejects.toMatchObject({ kind: 'failed', exitCode: 1 });
    expect(noted(ops, id)).toMatchObject({ level: 'none', failure: { level: 'restored' } });
  });

  it('by a cheaper test takes back neither a better one nor what a better one found', () => {
    const note = (before: Parameters<typeof afterVerification>[0], level: 'checksum' | 'restored', failure?: string) =>
      afterVerification(before, { level, milliseconds: 1, ...(failure ? { failure } : {}) }, 'later');
    expect(note(proved, 'checksum')).toBe(proved);
    const failed = note(proved, 'restored', 'broken');
    expect(failed).toEqual({
      level: 'none',
      at: 'later',
      milliseconds: 1,
      failure: { level: 'restored', what: 'broken' },
    });
    expect(note(failed, 'checksum')).toBe(failed);
    expect(note(failed, 'restored')).toEqual({ level: 'restored', at: 'later', milliseconds: 1 });
    expect(note(proved, 'checksum', 'changed')).toMatchObject({ level: 'none', failure: { level: 'checksum' } });
  });
});

describe('export', () => {
  it('encrypts every file for all recipients, refuses what is damaged, and leaves no half copy', async () => {
    const ops = testOps(nothing);
    const { dir, manifest } = await storedBackup(ops);
    const identities = await Promise.all([generateX25519Identity(), generateX25519Identity()]);
    const recipients = (await Promise.all(identities.map((i) => identityToRecipient(i)))).join(',');
    const to = path.join(ops.paths.run, 'out');
    await exportBackup(ops, 'latest', { planOnly: false, recipients, to });
    const copy = path.join(to, manifest.id);
    expect(readdirSync(copy).sort()).toEqual(['database.dump.age', 'globals.sql.age', 'manifest.json.age']);
    for (const identity of identities) {
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      for (const name of ['database.dump', 'globals.sql', 'manifest.json']) {
        const plain = await decrypter.decrypt(readFileSync(path.join(copy, `${name}.age`)));
        expect(Buffer.from(plain)).toEqual(readFileSync(path.join(dir, name)));
      }
    }
    const again = exportBackup(ops, 'latest', { planOnly: false, recipients, to });
    await expect(again).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringContaining('already') },
    });
    writeFileSync(path.join(dir, 'database.dump'), 'PGDMQ');
    const damaged = exportBackup(ops, 'latest', { planOnly: false, recipients, to: `${to}2` });
    await expect(damaged).rejects.toMatchObject({ kind: 'precondition' });
    expect(existsSync(path.join(`${to}2`, manifest.id))).toBe(false);
    const nobody = exportBackup(ops, 'latest', { planOnly: false, recipients: 'age1abc', to });
    await expect(nobody).rejects.toMatchObject({ kind: 'usage', exitCode: 2 });
  });

  it('removes what an export of ours that was killed left there, and nobody else’s', async () => {
    const ops = testOps(nothing);
    const { manifest } = await storedBackup(ops);
    const recipients = await identityToRecipient(await generateX25519Identity());
    const to = path.join(ops.paths.run, 'out');
    const others = ['20250101T000000Z-whalefall.partial', '20250101T000000Z-whalefall.0123456789abcdef.partial', 'x'];
    const left = `20250101T000000Z-whalefall${partialOf(ops.paths)}`;
    for (const name of [left, ...others]) mkdirSync(path.join(to, name), { recursive: true });
    await exportBackup(ops, 'latest', { planOnly: false, recipients, to });
    expect(readdirSync(to).sort()).toEqual([...others, manifest.id].sort());
  });

  it('verifies the latest when none is named; what is exported has to be named', () => {
    expect(readCommandLine(backupProd, ['verify'])).toMatchObject({ parsed: { command: 'verify' } });
    expect(() => readCommandLine(backupProd, ['export', '--to', '/x'])).toThrow(
      expect.objectContaining({ exitCode: 2 }),
    );
  });

  it('keeps a secret key that is pasted for a recipient out of every text', () => {
    const argv = ['export', 'latest', '--to', '/x', '--encrypt-to', 'AGE-SECRET-KEY-1QQQ'];
    expect(() => readCommandLine(backupProd, argv)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.not.stringContaining('QQQ') }),
    );
  });
});

it('says how far it is in under 80 columns', () => {
  const dump = { phase: 'dump', bytes: 50_000_000, expected: 200_000_000, milliseconds: 2_000 } as const;
  expect(progressText(dump).en).toContain('dumped 50.0 MB of about 200.0 MB, 25.0 MB/s, about 6 s left');
  expect(progressText({ ...dump, bytes: 210_000_000 }).en).not.toContain('left');
  expect(progressText({ ...dump, bytes: 0, milliseconds: 0 }).en).toContain('0 B/s');
  for (const phase of ['dump', 'contents', 'trial'] as const) {
    expect(progressText({ ...dump, phase, bytes: 9e14, expected: 9e14 }).en.length).toBeLessThan(80);
  }
  expect([0, 119, 121, 60 * 50].map((m) => spanText(m * 60_000).en)).toEqual(['0 s', '119 min', '2 h', '2 d']);
});
