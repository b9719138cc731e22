import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, change, read } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { exec } from '../docker/docker.ts';
import { discardContainer, ownerLabels } from '../docker/helpers.ts';
import { lastLogLines } from '../docker/wait.ts';
import { startsWithin } from './emptiness.ts';
import type { PgServer } from './psql.ts';
import { diskFor, type Meanwhile, refuseTrialWithoutDisk, restoredBytes } from './server-disk.ts';

/** A server that is alone in the world and goes with its container. */
export interface Throwaway extends PgServer {
  readonly imageId: string;
  /** Where its data is. */
  readonly storage: 'memory' | 'disk';
  /** Removes it and its data; may be called twice. Warns when it may still be there afterwards. */
  remove(): Promise<void>;
}

export interface ThrowawayOptions {
  /** `sha256:…` of the server whose data is to be tried. */
  readonly imageId: string;
  /** pg_database_size of what will be restored, bytes. */
  readonly databaseSize: number;
  /** The shared_preload_libraries of that server, if it is to have them. A server that does not start with them is started without. */
  readonly preloads?: string | undefined;
  /** Default: what /proc/meminfo calls available, bytes. */
  readonly availableMemory?: number;
  /** What is written beside it before it is filled. */
  readonly meanwhile?: Meanwhile | undefined;
}

const READY_WITHIN_MS = 90_000;
const MIB = 1 << 20;

const imageSchema = z.tuple([
  z.object({
    Config: z.object({ Env: z.array(z.string()).nullable(), Volumes: z.record(z.string(), z.unknown()).nullish() }),
  }),
]);

/** Durability is of no use to a copy of a copy. Minimal WAL lets a restore skip it altogether. */
const FAST = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'wal_level=minimal', 'max_wal_senders=0']
  .concat(['max_wal_size=512MB', 'maintenance_work_mem=256MB', 'autovacuum=off', 'listen_addresses=localhost'])
  .flatMap((setting) => ['-c', setting]);

/**
 * No other setting of theirs: with its own a background worker would be at work on what is restored (pg_cron's jobs).
 *
 * @param libraries as the server that has them says it.
 */
export const preloading = (libraries = ''): string[] =>
  libraries === '' ? [] : ['-c', `shared_preload_libraries=${libraries}`];

/**
 * Starts an empty server of the same image, without network, with its data in memory where that is plenty. Its superuser has
 * a name of its own, so that the globals of a backup apply in full. Takes about two seconds.
 *
 * @throws {OpsError} when it is not ready in time, or `precondition` when its disk has no room for the data; it is gone then.
 */
export async function startThrowaway(ops: Ops, options: ThrowawayOptions): Promise<Throwaway> {
  const { imageId, preloads } = options;
  const random = randomBytes(6).toString('hex');
  const [name, user] = [`whalefall-ops-throwaway-${random}`, `throwaway_${random}`];
  const password = randomBytes(24).toString('base64url');
  ops.secrets.add(password);
  const mountPoint = await dataMountPoint(ops, imageId);
  const bytes = memoryNeeded(options.databaseSize);
  const most = bytes + 1024 * MIB;
  const inMemory = most <= (options.availableMemory ?? availableMemory()) / 2;
  const env = { POSTGRES_USER: user, POSTGRES_PASSWORD: password, POSTGRES_DB: 'postgres' };
  const words = [
    ...['docker', 'run', '-d', '--rm', '--pull', 'never', '--name', name, '--network', 'none', ...ownerLabels(ops)],
    // Production comes first: for the processor when it is short, and for memory.
    ...['--cpu-shares', '256', '--oom-score-adj', '1000', '--shm-size', '256m'],
    ...(inMemory ? ['--tmpfs', `${mountPoint}:rw,size=${bytes}`, '--memory', String(most)] : []),
    ...['-e', 'POSTGRES_USER', '-e', 'POSTGRES_PASSWORD', '-e', 'POSTGRES_DB', '-e', 'POSTGRES_INITDB_ARGS'],
    ...[imageId, 'postgres', ...FAST, ...preloading(preloads)],
  ];
  try {
    const id = await ask(ops, change(words, { env: { ...env, POSTGRES_INITDB_ARGS: '--no-sync' } }));
    const server: PgServer = { container: { id }, user, name: 'postgres' };
    const starts = await startsWithin(ops, server, READY_WITHIN_MS);
    if (starts === false && preloads) {
      await discardContainer(ops, id);
      return await startThrowaway(ops, { ...options, preloads: '' });
    }
    if (!starts) throw notReady(await lastLogLines(ops, server.container));
    if (!inMemory) {
      const table = await ask(ops, exec('read', id, ['df', '-P', '-k', mountPoint]));
      refuseTrialWithoutDisk(diskFor(table, restoredBytes(options.databaseSize), options.meanwhile));
    }
    return {
      ...server,
      imageId,
      storage: inMemory ? 'memory' : 'disk',
      remove: async () => void (await discardContainer(ops, id)),
    };
  } catch (error) {
    await discardContainer(ops, name);
    throw error;
  }
}

/** Data, WAL, initdb's own 40 MB, and room for sorting indexes. */
export function memoryNeeded(databaseSize: number): number {
  return Math.ceil(databaseSize * 1.5) + 1024 * MIB;
}

/** The directory to put a tmpfs on: the image's volume that PGDATA is in, else PGDATA. */
async function dataMountPoint(ops: Ops, imageId: string): Promise<string> {
  const answer = await ask(ops, read(['docker', 'image', 'inspect', imageId]));
  const [{ Config }] = answerOf('docker image inspect', imageSchema, answer);
  const data = Config.Env?.find((e) => e.startsWith('PGDATA='))?.slice(7) ?? '/var/lib/postgresql/data';
  return Object.keys(Config.Volumes ?? {}).find((v) => data === v || data.startsWith(`${v}/`)) ?? data;
}

/** @param said what it said last. */
export const notReady = (said: Text): OpsError =>
  new OpsError({
    kind: 'deadline',
    what: {
      en: `The throwaway PostgreSQL in which the backup was to be tried did not start. ${said.en}`,
      zh: `用于验证备份的临时 PostgreSQL 未能启动. ${said.zh}`,
    },
    state: { en: 'It was removed. Production was not touched by it.', zh: '已将其删除, 生产环境未受影响.' },
  });

/** What /proc/meminfo calls available, bytes; 0 where that can't be told. */
export function availableMemory(): number {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0; // not Linux: the engine runs in a machine of its own
  }
}
