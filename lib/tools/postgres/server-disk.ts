import { statfsSync } from 'node:fs';
import { refuse } from '../../core/refusal.ts';
import { ask, type RunOps } from '../../core/run.ts';
import { humanBytes, type Text } from '../../core/text.ts';
import { exec } from '../docker/docker.ts';
import { type PgServer, queryOne } from './psql.ts';

/** PostgreSQL stops when it can't write its log, so this much is left alone. */
const RESERVE_BYTES = 1_000_000_000;

/** Bytes on the disk that holds a server's data. */
export interface ServerDisk {
  readonly free: number;
  /** With what is to be left alone. */
  readonly needed: number;
}

/** Bytes that a restored database needs. */
export const restoredBytes = (databaseBytes: number): number => databaseBytes * 1.1;

/** What is written to a directory of this machine meanwhile: on the same disk it needs its place, too. */
export interface Meanwhile {
  readonly directory: string;
  readonly bytes: number;
}

/** @param table what `df -P -k` of one directory said. */
export function diskFor(table: string, bytes: number, meanwhile?: Meanwhile): ServerDisk & { readonly device: string } {
  const [device = '', blocks, , available] = table.split('\n').at(-1)?.split(/\s+/) ?? [];
  const [total, free] = [Number(blocks) * 1024, Number(available) * 1024];
  if (!Number.isFinite(total) || !Number.isFinite(free)) throw new Error(`df answered: ${table}`);
  const also = meanwhile && sizeOf(meanwhile.directory) === total ? meanwhile.bytes : 0;
  return { device, free, needed: bytes + also + Math.min(RESERVE_BYTES, total / 20) };
}

/** By which a disk is known again in a container, which calls it otherwise. */
function sizeOf(directory: string): number {
  const { blocks, bsize } = statfsSync(directory);
  return blocks * bsize;
}

interface Log {
  readonly directory: string;
  /** Bytes that its write-ahead log may grow to by itself. */
  readonly most: number;
  /** All of it stays as long as a slot's consumer or the archive has not taken it. */
  readonly kept: boolean;
}

const LOG = `SELECT json_build_object('directory', current_setting('data_directory'),
  'most', greatest(pg_size_bytes(current_setting('max_wal_size')), pg_size_bytes(current_setting('wal_keep_size', true))),
  'kept', current_setting('archive_mode') <> 'off' OR EXISTS (SELECT FROM pg_replication_slots))`;

/** @throws {OpsError} `precondition` when the disk that holds the server's data can't take a database of this size once more, and its log. */
export async function refuseWithoutServerDisk(
  ops: RunOps,
  server: PgServer,
  databaseBytes: number,
): Promise<ServerDisk> {
  const { directory, most, kept } = await queryOne<Log>(ops, server, LOG);
  const table = await ask(ops, exec('read', server.container.id, ['df', '-P', '-k', directory]));
  const { free, needed } = diskFor(table, restoredBytes(databaseBytes) + most + (kept ? databaseBytes : 0));
  if (free >= needed) return { free, needed };
  const logged: Text = {
    en: `${humanBytes(databaseBytes)} of that are its write-ahead log, which stays until the archive (archive_mode) or the consumer of a replication slot has it. What is not used any more: SELECT slot_name, active FROM pg_replication_slots; SELECT * FROM pg_stat_archiver`,
    zh: `其中 ${humanBytes(databaseBytes)} 为预写日志 (WAL), 归档 (archive_mode) 或复制槽的使用方取走之前不会释放. 查找不再使用的: SELECT slot_name, active FROM pg_replication_slots; SELECT * FROM pg_stat_archiver`,
  };
  throw refuse(
    {
      en: `Not enough disk to restore beside what is there: about ${humanBytes(needed)} are needed, ${humanBytes(free)} are free.`,
      zh: `磁盘空间不足, 无法在保留现有数据库的同时恢复: 约需 ${humanBytes(needed)}, 剩余 ${humanBytes(free)}.`,
    },
    ...(kept ? [logged] : []),
  );
}

/** @throws {OpsError} `precondition` when a trial doesn't fit where Docker keeps its data, production's as well. */
export function refuseTrialWithoutDisk({ free, needed }: ServerDisk): void {
  if (free >= needed) return;
  throw refuse(
    {
      en: `Not enough disk where Docker keeps its data to try the backup out: about ${humanBytes(needed)} are needed, ${humanBytes(free)} are free.`,
      zh: `Docker 数据所在磁盘空间不足, 无法试恢复备份: 约需 ${humanBytes(needed)}, 剩余 ${humanBytes(free)}.`,
    },
    { en: 'See what takes the space: docker system df', zh: '查看空间占用: docker system df' },
  );
}
