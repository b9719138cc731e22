import { refuse } from '../../core/refusal.ts';
import { ask, type RunOps } from '../../core/run.ts';
import { humanBytes } from '../../core/text.ts';
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

/** @throws {OpsError} `precondition` when the disk that holds the server's data can't take `bytes` more. */
export async function refuseWithoutServerDisk(ops: RunOps, server: PgServer, bytes: number): Promise<ServerDisk> {
  const directory = await queryOne<string>(ops, server, "SELECT to_jsonb(current_setting('data_directory'))");
  const table = await ask(ops, exec('read', server.container.id, ['df', '-P', '-k', directory]));
  const [, blocks, , available] = table.split('\n').at(-1)?.split(/\s+/) ?? [];
  const [total, free] = [Number(blocks) * 1024, Number(available) * 1024];
  if (!Number.isFinite(total) || !Number.isFinite(free)) throw new Error(`df answered: ${table}`);
  const needed = bytes + Math.min(RESERVE_BYTES, total / 20);
  if (free >= needed) return { free, needed };
  throw refuse({
    en: `Not enough disk to restore beside what is there: about ${humanBytes(needed)} are needed, ${humanBytes(free)} are free.`,
    zh: `磁盘空间不足, 无法在保留现有数据库的同时恢复: 约需 ${humanBytes(needed)}, 剩余 ${humanBytes(free)}.`,
  });
}
