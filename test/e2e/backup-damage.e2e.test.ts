import { randomInt } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpsError } from '../../lib/core/errors.ts';
import type { Ops } from '../../lib/core/ops.ts';
import { ask, change, read, run } from '../../lib/core/run.ts';
import { backupPg } from '../../lib/domain/backup/backup.ts';
import { writeManifest } from '../../lib/domain/backup/manifest.ts';
import type { VerifiedBackup } from '../../lib/domain/backup/proofs.ts';
import { examine } from '../../lib/domain/backup/verify.ts';
import { exportBackup } from '../../lib/flows/backup/export.ts';
import { type LEVELS, verify } from '../../lib/flows/backup/verify.ts';
import { inspectContainer } from '../../lib/tools/docker/containers.ts';
import { findVolume } from '../../lib/tools/docker/same-volume.ts';
import { digest } from '../../lib/tools/files/durable.ts';
import { type Database, execute, query } from '../../lib/tools/postgres/psql.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { ownName } from '../sandbox/sandbox.ts';
import { realOps } from '../support/real-ops.ts';
import { itInFull, some } from './thorough.ts';

const NAME = ownName(`wfops-backup-damage-${process.pid}`);
const tmp = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-damage-'));
const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
const random = mulberry32(seed);
const upTo = (n: number) => Math.floor(random() * n);

let ops: Ops;
let db: Database;
let one: VerifiedBackup;
let other: VerifiedBackup;

const CONTENT = `
CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE SCHEMA extra;
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL DEFAULT 'x' CHECK (name <> ''), feels mood);
CREATE TABLE notes (id serial PRIMARY KEY, user_id int REFERENCES users (id), text text UNIQUE);
CREATE TABLE extra.log (at timestamptz DEFAULT now());
ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON notes USING (user_id = 1);
CREATE RULE quiet AS ON DELETE TO extra.log DO INSTEAD NOTHING;
CREATE ROLE reader; GRANT SELECT ON users TO reader;
INSERT INTO users (name, feels) SELECT 'u' || g, 'calm' FROM generate_series(1, 500) g;
INSERT INTO notes (user_id, text) SELECT 1 + g % 500, md5(g::text) || md5((g + 1)::text) FROM generate_series(1, 20000) g;
SELECT lo_from_bytea(77, '\\x0102');`;

beforeAll(async () => {
  console.log(`seed ${seed} (SEED=${seed} does the same again)`);
  ops = realOps(tmp);
  const image = (await ensureBaseImages()).postgres;
  const env = { POSTGRES_USER: 'whalefall_user', POSTGRES_PASSWORD: 'prod-pw', POSTGRES_DB: 'whalefall' };
  const flags = Object.keys(env).flatMap((key) => ['-e', key]);
  const mount = ['-v', `${NAME}-data:/var/lib/postgresql/data`];
  const id = await ask(ops, change(['docker', 'run', '-d', '--name', NAME, ...mount, ...flags, image], { env }));
  const ready = read(['docker', 'exec', id, 'pg_isready', '-q', '-h', '127.0.0.1']);
  while ((await run(ops, ready, [0, 1, 2, 3])).exitCode !== 0) await ops.clock.sleep(200);
  const volume = await findVolume(ops, `${NAME}-data`);
  if (!volume) throw new Error('no volume');
  db = { container: await inspectContainer(ops, id), user: 'whalefall_user', name: 'whalefall', volume };
  await execute(ops, db, CONTENT);
  one = await backupPg(ops, db, { reason: 'manual' });
  await execute(ops, db, 'INSERT INTO extra.log DEFAULT VALUES; CREATE ROLE writer;');
  other = await backupPg(ops, db, { reason: 'manual' });
});

afterAll(async () => {
  await run(ops, change(['docker', 'rm', '-f', '-v', NAME]), [0, 1]);
  await run(ops, change(['docker', 'volume', 'rm', '-f', `${NAME}-data`]), [0, 1]);
  rmSync(tmp, { recursive: true, force: true });
});

const DUMP = 'database.dump';
const GLOBALS = 'globals.sql';
const MANIFEST = 'manifest.json';

/** Each damages the copy in `dir`. */
const damages: Record<string, (dir: string) => void> = {
  'dump cut off': (dir) => truncateSync(path.join(dir, DUMP), upTo(statSync(path.join(dir, DUMP)).size)),
  'globals cut off': (dir) => truncateSync(path.join(dir, GLOBALS), upTo(statSync(path.join(dir, GLOBALS)).size)),
  'manifest cut off': (dir) => truncateSync(path.join(dir, MANIFEST), upTo(statSync(path.join(dir, MANIFEST)).size)),
  'byte of the dump flipped': (dir) => flip(path.join(dir, DUMP)),
  'byte of the globals flipped': (dir) => flip(path.join(dir, GLOBALS)),
  'byte of the manifest flipped': (dir) => flip(path.join(dir, MANIFEST)),
  'manifest edited': (dir) => edit(path.join(dir, MANIFEST)),
  "another backup's dump": (dir) => copyFileSync(path.join(other.dir, DUMP), path.join(dir, DUMP)),
  "another backup's globals": (dir) => copyFileSync(path.join(other.dir, GLOBALS), path.join(dir, GLOBALS)),
  "another backup's manifest": (dir) => copyFileSync(path.join(other.dir, MANIFEST), path.join(dir, MANIFEST)),
  'dump missing': (dir) => rmSync(path.join(dir, DUMP)),
  'globals missing': (dir) => rmSync(path.join(dir, GLOBALS)),
  'dump longer': (dir) => appendFileSync(path.join(dir, DUMP), Buffer.alloc(1 + upTo(512))),
};

it('finds 200 damaged backups of 200, and takes none that is whole for one', async () => {
  const kinds = Object.keys(damages);
  const found: Record<string, number> = {};
  const missed: string[] = [];
  for (let n = 0; n < 200; n += 1) {
    const kind = kinds[n % kinds.length] as string;
    const dir = copyOf(one);
    if (n < 5) expect(await verdict(dir, 'checksum')).toBe('good');
    damages[kind]?.(dir);
    if ((await verdict(dir, 'checksum')) === 'damaged') found[kind] = (found[kind] ?? 0) + 1;
    else missed.push(`${n} ${kind}`);
    rmSync(path.dirname(dir), { recursive: true });
  }
  console.table(found);
  expect(missed).toEqual([]);
});

itInFull('finds damage that was there before the checksums were taken', async () => {
  const size = statSync(path.join(one.dir, DUMP)).size;
  const found = { readable: 0, restored: 0 };
  const silent: [string, (file: string) => void][] = [
    ['cut at 30 %', (file) => truncateSync(file, Math.floor(size * 0.3))],
    ['cut by a byte', (file) => truncateSync(file, size - 1)],
    ...Array.from({ length: 4 }, (): [string, (file: string) => void] => {
      const at = Math.floor(size * (0.1 + 0.85 * random()));
      return [`flipped at ${at}`, (file) => flip(file, at)];
    }),
    ["another backup's", (file) => copyFileSync(path.join(other.dir, DUMP), file)],
  ];
  const tried = some(silent, 1, 2, 6);
  for (const [what, damage] of tried) {
    const dir = copyOf(one);
    damage(path.join(dir, DUMP));
    const files = { ...one.manifest.files, dump: { name: DUMP, ...(await digest(path.join(dir, DUMP))) } };
    await writeManifest(dir, { ...one.manifest, files });
    expect(await verdict(dir, 'checksum'), what).toBe('good'); // nobody can see it there
    const readable = await verdict(dir, 'readable');
    const restored = await verdict(dir, 'restored');
    if (readable === 'damaged') found.readable += 1;
    if (restored === 'damaged') found.restored += 1;
    else console.log(`${what}: restored says ${restored}`);
  }
  console.log(`silent corruption, of ${tried.length}: readable found ${found.readable}, restored ${found.restored}`);
  expect(found.restored).toBe(tried.length);
});

it('notices whatever a restore leaves out, of every kind', async () => {
  const { manifest } = other;
  const differences = async () => (await examine(ops, db, db.name, manifest)).differences.map((d) => d.en).join('\n');
  expect(await differences()).toBe('');
  const left: [string, RegExp][] = [
    ['ALTER TABLE notes DROP CONSTRAINT notes_user_id_fkey', /constraint f: 1 → 0/],
    ['ALTER TABLE users DROP CONSTRAINT users_name_check', /constraint c: 1 → 0/],
    ['ALTER TABLE users ALTER name DROP NOT NULL', /not null: \d+ → /],
    ['ALTER TABLE users ALTER name DROP DEFAULT', /defaults: \d+ → /],
    ['DROP POLICY mine ON notes', /policies: 1 → 0/],
    ['DROP RULE quiet ON extra.log', /rules: 1 → 0/],
    ['REVOKE SELECT ON users FROM reader', /grants: \d+ → /],
    ["ALTER TYPE mood ADD VALUE 'sad'", /enum labels: 2 → 3/],
    ['CREATE SCHEMA more', /schemas: 2 → 3/],
    ['CREATE DOMAIN positive AS int', /types: 1 → 2/],
    ['ALTER TABLE extra.log ADD more int', /columns: \d+ → /],
    ['CREATE PUBLICATION all_of_it', /publications: 0 → 1/],
    ["SELECT setval('users_id_seq', 9999)", /sequence public.users_id_seq: 500 → 9999/],
    ['SELECT lo_unlink(77)', /large objects/],
  ];
  for (const [sql, noticed] of left) {
    await execute(ops, db, `${sql};`);
    expect(await differences(), sql).toMatch(noticed);
  }
});

it('takes an encrypted copy back: decrypted, it is restored and compared', async () => {
  const identity = await generateX25519Identity();
  const to = path.join(tmp, 'elsewhere');
  const recipients = await identityToRecipient(identity);
  await exportBackup(ops, one.dir, { planOnly: false, recipients, to });
  const copy = path.join(to, path.basename(one.dir));
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  for (const name of readdirSync(copy)) {
    const plain = await decrypter.decrypt(readFileSync(path.join(copy, name)));
    writeFileSync(path.join(copy, name.replace(/\.age$/, '')), plain);
  }
  expect(await verdict(copy, 'restored')).toBe('good');
});

it('is none when its connection is ended in the middle of the dump', async () => {
  await execute(
    ops,
    db,
    'CREATE TABLE big AS SELECT g, sha512(g::text::bytea) AS a, sha512((-g)::text::bytea) AS b FROM generate_series(1, 500000) g;',
  );
  const before = readdirSync(ops.paths.backups).sort();
  let ended = 0;
  let over = false;
  const kill = async () => {
    const sql = `SELECT to_jsonb(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE application_name LIKE 'whalefall-ops backup%' AND query LIKE 'COPY public.big%'`;
    while (ended === 0 && !over) ended = (await query(ops, db, sql)).length;
  };
  const backup = backupPg(ops, db, { reason: 'manual' }).finally(() => {
    over = true;
  });
  const [taken] = await Promise.allSettled([backup, kill()]);
  expect(ended).toBe(1);
  expect(taken).toMatchObject({ status: 'rejected', reason: { kind: 'command', exitCode: 1 } });
  expect((taken as PromiseRejectedResult).reason.what.en).toContain('No backup could be taken');
  expect(readdirSync(ops.paths.backups).sort()).toEqual(before);
});

/** A copy under its own name, in a directory of its own. */
function copyOf({ dir }: VerifiedBackup): string {
  const copy = path.join(mkdtempSync(path.join(tmp, 'copy-')), path.basename(dir));
  cpSync(dir, copy, { recursive: true });
  return copy;
}

async function verdict(dir: string, level: (typeof LEVELS)[number]): Promise<string> {
  return verify(ops, dir, level, false).then(
    () => 'good',
    (error: OpsError) => (error.exitCode === 1 && error.kind === 'failed' ? 'damaged' : `? ${error.message}`),
  );
}

function flip(file: string, at = upTo(statSync(file).size)): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ (1 + upTo(255));
  writeFileSync(file, bytes);
}

/** Another number somewhere, as somebody would who wants a backup to pass. */
function edit(file: string): void {
  const text = readFileSync(file, 'utf8');
  const numbers = [...text.matchAll(/"(rows|size|isCalled|databaseBytes)": \d+/g)];
  const chosen = numbers[upTo(numbers.length)];
  if (chosen?.index === undefined) throw new Error('no number');
  writeFileSync(
    file,
    `${text.slice(0, chosen.index + chosen[0].length)}1${text.slice(chosen.index + chosen[0].length)}`,
  );
}

/** A small generator that gives the same numbers for the same seed. */
function mulberry32(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
