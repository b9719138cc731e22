import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { joined, printable, same, type Text } from '../../core/text.ts';
import { digest } from '../../tools/files/durable.ts';
import { CONTENTS, type Contents, PINNED, parseContents, SEQUENCES } from '../../tools/postgres/fingerprint.ts';
import { savedRolesSql } from '../../tools/postgres/globals.ts';
import { createDatabaseSql, loadDump, settingsSql } from '../../tools/postgres/load.ts';
import { execute, type PgServer, query, readScript } from '../../tools/postgres/psql.ts';
import { type DatabaseProperties, FACTS, lateSql, parseFacts, parseLate } from '../../tools/postgres/snapshot.ts';
import type { Throwaway } from '../../tools/postgres/throwaway.ts';
import { type DatabaseManifest, damaged, filesOf, type Manifest, type Stored } from './manifest.ts';
import { globalsOf } from './roles.ts';

/** Long enough for a slow disk, short enough to notice a hang: ten minutes and a second for each megabyte. */
export const patience = (bytes: number): number => 600_000 + Math.ceil(bytes / 1000);

/**
 * The files are those that the manifest describes.
 *
 * @throws {OpsError} `precondition`, naming the file.
 */
export async function checkFiles({ dir, manifest }: Stored<Manifest>): Promise<void> {
  for (const file of filesOf(manifest)) {
    const found = await digest(path.join(dir, file.name)).catch((error: unknown) => {
      throw damaged(dir, { en: `${file.name} can't be read`, zh: `无法读取 ${file.name}` }, error);
    });
    if (found.size !== file.size || found.sha256 !== file.sha256) {
      throw damaged(dir, {
        en: `${file.name} is not the file that was written (${found.size} of ${file.size} bytes, sha256 ${found.sha256})`,
        zh: `${file.name} 与备份时写入的文件不一致 (${found.size}/${file.size} 字节, sha256 ${found.sha256})`,
      });
    }
  }
}

/**
 * Restores a backup into a throwaway server exactly as a real restore would, roles included, and compares everything in it with
 * what was in the database's own snapshot when it was dumped.
 *
 * @returns one line for each thing that is not as it was then. None is what a backup is for.
 * @throws {OpsError} when the files are damaged or the restore itself fails: that is no backup either.
 */
export async function restoreAndCompare(
  ops: Ops,
  stored: Stored<DatabaseManifest>,
  throwaway: Throwaway,
): Promise<{ readonly differences: readonly Text[]; readonly milliseconds: number }> {
  const { dir, manifest } = stored;
  const { dump } = manifest.files;
  const started = ops.clock.monotonic();
  await checkFiles(stored);
  const database = `trial ${manifest.id}`.slice(0, 60);
  const deadlineMs = patience(manifest.databaseBytes);
  // Also those that the image's own start brings.
  const there = await query<string>(ops, throwaway, 'SELECT to_jsonb(rolname) FROM pg_authid');
  const roles = savedRolesSql(globalsOf(stored), there, true).join('\n');
  await execute(ops, throwaway, `${roles}\n${createDatabaseSql(database, manifest.database)}`, { deadlineMs });
  const onDisk = throwaway.storage === 'disk' ? manifest.databaseBytes : 0;
  const archive = { file: path.join(dir, dump.name), size: dump.size, onDisk };
  await loadDump(ops, throwaway, archive, { database, deadlineMs });
  const { differences } = await examine(ops, throwaway, database, manifest);
  const ofSettings = await applySettings(ops, throwaway, database, manifest.database);
  return { differences: [...differences, ...ofSettings], milliseconds: Math.round(ops.clock.monotonic() - started) };
}

const LATE = ['settings', 'connectionLimit'] as const;

/**
 * Gives a database the settings and the limit of its original, and compares what it has then. The last that is done to it, from outside.
 */
export async function applySettings(
  ops: Ops,
  server: PgServer,
  database: string,
  properties: DatabaseProperties,
): Promise<Text[]> {
  const sql = settingsSql(database, properties);
  if (sql === '') return [];
  const found = parseLate(await execute(ops, server, `${sql}\n${lateSql(database)}`));
  return LATE.flatMap((key) => compareProperty(key, properties, found));
}

/** Compares everything in a restored database with what its manifest says was in the original, except what {@link applySettings} adds. */
export async function examine(ops: Ops, server: PgServer, database: string, manifest: DatabaseManifest) {
  const script = `${PINNED}\nBEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;\n${FACTS};\n${SEQUENCES}${CONTENTS}COMMIT;\n`;
  const options = { database, deadlineMs: patience(manifest.databaseBytes) };
  const [facts, ...rest] = (await readScript(ops, server, script, options)).split('\n');
  const contents = parseContents(rest);
  const differences = [
    ...compareContents(manifest.contents, contents),
    ...compareProperties(manifest.database, parseFacts(JSON.parse(facts ?? 'null')).database),
  ];
  return { differences, contents };
}

/** What `found` has other than `expected`; nothing when they hold the same. */
export function compareContents(expected: Contents, found: Contents): Text[] {
  return [
    ...each({ en: 'table', zh: '表' }, expected.tables, found.tables, (e, f) =>
      e.rows !== f.rows ? `${e.rows} → ${f.rows}` : e.hash !== f.hash ? '≠' : undefined,
    ),
    ...each({ en: 'sequence', zh: '序列' }, expected.sequences, found.sequences, (e, f) =>
      sequenceFits(e, f) ? undefined : `${e.lastValue} → ${f.lastValue}`,
    ),
    // Only by name: a restore creates the version that the image has, and the data above is compared all the same.
    ...each({ en: 'extension', zh: '扩展' }, expected.extensions, withoutTemplates(expected, found), () => undefined),
    ...one('large objects', '大对象', JSON.stringify(expected.largeObjects), JSON.stringify(found.largeObjects)),
    ...one('alembic revision', 'alembic revision', String(expected.alembic), String(found.alembic)),
    ...[...new Set([...Object.keys(expected.objects), ...counted(expected, found)])].flatMap((kind) =>
      // No restore brings a subscription back.
      kind === 'subscriptions'
        ? []
        : one(kind, kind, String(expected.objects[kind] ?? 0), String(found.objects[kind] ?? 0)),
    ),
  ];
}

/** Each new database has plpgsql, dropped in the original or not. */
const withoutTemplates = (expected: Contents, { extensions }: Contents) =>
  extensions.filter(({ name }) => name !== 'plpgsql' || expected.extensions.some((e) => e.name === name));

/** Kinds that only `found` has, without those that an older backup did not count. */
const counted = (expected: Contents, found: Contents): string[] =>
  Object.keys(found.objects).filter(
    (kind) => expected.objects.columns !== undefined || /^(relation |functions$|triggers$)/.test(kind),
  );

export function compareProperties(expected: DatabaseProperties, found: DatabaseProperties): Text[] {
  const keys = Object.keys(expected) as (keyof DatabaseProperties)[];
  return keys
    .filter((key) => key !== 'name' && !LATE.includes(key as never))
    .flatMap((key) => compareProperty(key, expected, found));
}

type Some = Partial<DatabaseProperties>;

function compareProperty(key: keyof DatabaseProperties, expected: Some, found: Some): Text[] {
  if (expected[key] === undefined) return []; // an older backup
  return one(`database ${key}`, `数据库属性 ${key}`, sorted(expected[key]), sorted(found[key]));
}

/** Lists in any order: each server sorts by its own collation. */
const sorted = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map((v) => JSON.stringify(v)).sort()}]` : JSON.stringify(value);

type Sequence = Contents['sequences'][number];

function sequenceFits(expected: Sequence, found: Sequence): boolean {
  if (expected.upTo === undefined) {
    return expected.lastValue === found.lastValue && expected.isCalled === found.isCalled;
  }
  const [a, b, value] = [BigInt(expected.lastValue), BigInt(expected.upTo), BigInt(found.lastValue)];
  return (a <= value && value <= b) || (b <= value && value <= a);
}

function each<T extends { readonly name: string; readonly schema?: string }>(
  { en, zh }: Text,
  expected: readonly T[],
  found: readonly T[],
  differs: (expected: T, found: T) => string | undefined,
): Text[] {
  const key = (t: T) => JSON.stringify([t.schema, t.name]);
  const shown = (t: T) => printable(t.schema === undefined ? t.name : `${t.schema}.${t.name}`);
  const left = new Map(found.map((f) => [key(f), f]));
  const texts: Text[] = [];
  for (const e of expected) {
    const f = left.get(key(e));
    left.delete(key(e));
    if (f === undefined) texts.push({ en: `${en} ${shown(e)} is missing`, zh: `缺少${zh} ${shown(e)}` });
    else {
      const how = differs(e, f);
      if (how !== undefined) texts.push({ en: `${en} ${shown(e)}: ${how}`, zh: `${zh} ${shown(e)}: ${how}` });
    }
  }
  for (const f of left.values()) texts.push({ en: `${en} ${shown(f)} was not there`, zh: `多出${zh} ${shown(f)}` });
  return texts;
}

function one(en: string, zh: string, expected: string, found: string): Text[] {
  if (expected === found) return [];
  return [{ en: printable(`${en}: ${expected} → ${found}`), zh: printable(`${zh}: ${expected} → ${found}`) }];
}

/** @throws {OpsError} `failed`, with the first differences, unless there are none. */
export function throwIfDifferent(dir: string, differences: readonly Text[]): void {
  if (differences.length === 0) return;
  const list = joined([same(''), ...differences.slice(0, 20)], '\n  - ');
  const more = differences.length > 20 ? `\n  - … (${differences.length})` : '';
  throw damaged(dir, {
    en: `what it restores is not what was in the database:${list.en}${more}`,
    zh: `恢复出的内容与数据库原有内容不一致:${list.zh}${more}`,
  });
}
