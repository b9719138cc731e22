import type { ChildProcess, SpawnOptions, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { createShell } from '../../../../lib/core/shell.ts';
import { type DatabaseManifest, type Stored, writeManifest } from '../../../../lib/domain/backup/manifest.ts';
import { digest } from '../../../../lib/tools/files/durable.ts';
import type { Contents } from '../../../../lib/tools/postgres/fingerprint.ts';
import type { Database } from '../../../../lib/tools/postgres/psql.ts';
import type { DatabaseFacts } from '../../../../lib/tools/postgres/snapshot.ts';
import type { Throwaway } from '../../../../lib/tools/postgres/throwaway.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import { type Call, type Reply, words } from '../../../support/scripted-spawn.ts';

/** Answers what an open psql is sent, line by line; 'dies' and 'hangs' are what they say. */
export type Talk = (sql: string) => readonly string[] | 'dies' | 'hangs';

export interface SessionCall {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sent: string[];
  /** How its psql ended: at end of input, by a signal, or by itself. */
  ended?: 'input' | 'died' | NodeJS.Signals;
  /** Its server goes away. */
  die(): void;
}

/**
 * Ops whose `docker exec -i … -e PGAPPNAME … psql` is a psql that stays open and answers while its stdin is; every other command is
 * answered by `respond`.
 */
export function opsWithSession(
  respond: (call: Call) => Reply | undefined | Promise<Reply | undefined>,
  talk: Talk,
): TestOps & { readonly sessions: SessionCall[] } {
  const base = testOps(respond);
  const sessions: SessionCall[] = [];
  const killers = new Map<number, (signal: NodeJS.Signals) => void>();
  let pid = 2_000_000;
  const both = (line: string, args: readonly string[], options: SpawnOptions) => {
    const isSession = / exec -i (?:-e \S+ )*-e PGAPPNAME \S+ psql /.test(line);
    if (!isSession) return (base.scripted.spawn as unknown as typeof fake)(line, args, options);
    return fake(line, args, options);
  };
  const fake = (line: string, _args: readonly string[], options: SpawnOptions): ChildProcess => {
    pid += 1;
    const io = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
    const child = Object.assign(new EventEmitter(), { pid, ...io });
    const die = () => {
      io.stderr.write('server closed the connection unexpectedly');
      end('died', 2, null);
    };
    const env = options.env as Record<string, string>;
    const call: SessionCall = { argv: words(line), env, sent: [], die };
    sessions.push(call);
    const end = (how: NonNullable<SessionCall['ended']>, code: number | null, signal: string | null) => {
      if (call.ended) return;
      call.ended = how;
      io.stdout.end();
      io.stderr.end();
      setImmediate(() => {
        child.emit('exit', code, signal);
        child.emit('close', code, signal);
      });
    };
    killers.set(pid, (signal) => end(signal, signal === 'SIGTERM' ? 143 : null, signal === 'SIGTERM' ? null : signal));
    let buffer = '';
    io.stdin.on('data', (chunk: Buffer) => {
      buffer += chunk.toString();
      const complete = /^([\s\S]*?)\n\\echo (\S+)\n/.exec(buffer);
      if (!complete) return;
      buffer = buffer.slice(complete[0].length);
      call.sent.push(complete[1] as string);
      const answer = talk(complete[1] as string);
      if (answer === 'hangs') return;
      if (answer === 'dies') die();
      else io.stdout.write([...answer, complete[2], ''].join('\n'));
    });
    io.stdin.on('end', () => end('input', 0, null));
    return child as unknown as ChildProcess;
  };
  return Object.assign(base, {
    $: createShell({ env: base.env, spawn: both as unknown as typeof spawn }),
    kill: (target: number, signal: NodeJS.Signals) =>
      (killers.get(target) ?? ((s) => base.scripted.kill(target, s)))(signal),
    sessions,
  });
}

export const VOLUME = { name: 'prod_postgres_data', createdAt: '2026-01-01T00:00:00Z' };

export const DB: Database = {
  container: {
    id: 'c0ffee',
    mounts: [{ kind: 'volume', source: VOLUME.name, target: '/var/lib/postgresql/data' }],
    dataDirectory: '/var/lib/postgresql/data',
    name: 'pg',
    imageId: 'sha256:abc',
    state: 'running',
    health: '',
    restartCount: 0,
    startedAt: '',
    lastedMs: 0,
    stopSeconds: 0,
    configHash: '',
    addresses: {},
    ports: [],
  },
  user: 'whalefall_user',
  name: 'whalefall',
  volume: VOLUME,
} as Database;

export const FACTS: DatabaseFacts = {
  server: { version: '15.6', versionNumber: 150006, systemIdentifier: '7123456789012345678' },
  database: {
    name: 'whalefall',
    owner: 'whalefall_user',
    encoding: 'UTF8',
    collate: 'C.UTF-8',
    ctype: 'C.UTF-8',
    localeProvider: 'c',
    locale: null,
    comment: null,
    settings: [],
    privileges: null,
  },
  databaseBytes: 10_000_000,
  tableBytes: 1_000_000,
};

export const CONTENTS: Contents = {
  alembic: '20251219161048',
  tables: [{ schema: 'public', name: 'users', rows: 2, hash: '-42' }],
  sequences: [{ schema: 'public', name: 'users_id_seq', lastValue: '2', isCalled: true }],
  extensions: [{ name: 'plpgsql', version: '1.0' }],
  largeObjects: { count: 0, hash: '0' },
  objects: { 'relation r': 1 },
};

export const sequenceLines = (value = '2') => [
  JSON.stringify({ is: 'sequence', schema: 'public', name: 'users_id_seq', lastValue: value, isCalled: true }),
];

/** What psql prints for the contents above; `rows` to let a restore differ. */
export const contentsLines = (rows = 2) => [
  JSON.stringify({ is: 'table', schema: 'public', name: 'users', rows, hash: '-42' }),
  JSON.stringify({ is: 'alembic', revision: '20251219161048' }),
  JSON.stringify({ is: 'extension', name: 'plpgsql', version: '1.0' }),
  JSON.stringify({ is: 'largeObjects', count: 0, hash: '0' }),
  JSON.stringify({ is: 'objects', counts: { 'relation r': 1 } }),
];

/** A healthy production server's side of a snapshot. */
export const healthy: Talk = (sql) => {
  if (sql.includes('pg_export_snapshot')) {
    return [JSON.stringify({ snapshot: '00000003-0000001B-1' }), JSON.stringify(FACTS), ...sequenceLines()];
  }
  return sql.includes('hashtextextended') ? contentsLines() : sequenceLines();
};

/** A throwaway's reply to the question what was restored. */
export const restored = (rows = 2) => [JSON.stringify(FACTS), ...sequenceLines(), ...contentsLines(rows)].join('\n');

export const throwaway = (): Throwaway => ({
  container: { id: 'feed' },
  user: 'throwaway_1',
  name: 'postgres',
  imageId: 'sha256:abc',
  storage: 'memory',
  remove: async () => undefined,
});

/** A complete backup on disk. */
export async function storedBackup(
  ops: TestOps,
  change: Partial<DatabaseManifest> = {},
): Promise<Stored<DatabaseManifest>> {
  const id = change.id ?? '20260102T030405Z-whalefall';
  const dir = path.join(ops.paths.backups, id);
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(path.join(dir, 'database.dump'), 'PGDMP', { mode: 0o600 });
  writeFileSync(path.join(dir, 'globals.sql'), 'CREATE ROLE whalefall_user;\n', { mode: 0o600 });
  const manifest: DatabaseManifest = {
    kind: 'database',
    version: 1,
    id,
    createdAt: '2026-01-02T03:04:05.000Z',
    run: 'test',
    reason: 'manual',
    tag: null,
    commit: 'abc',
    imageId: 'sha256:abc',
    volume: VOLUME,
    ...FACTS,
    user: 'whalefall_user',
    files: {
      dump: { name: 'database.dump', ...(await digest(path.join(dir, 'database.dump'))) },
      globals: { name: 'globals.sql', ...(await digest(path.join(dir, 'globals.sql'))) },
    },
    contents: CONTENTS,
    leavesOut: [],
    verification: { level: 'none', at: '2026-01-02T03:04:05.000Z', milliseconds: 0 },
    ...change,
  };
  return { dir, manifest: await writeManifest(dir, manifest) };
}
