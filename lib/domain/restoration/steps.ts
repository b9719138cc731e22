import type { Ops } from '../../core/ops.ts';
import { asTyped } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { given, humanBytes, printable, same, type Text } from '../../core/text.ts';
import { swapDatabases } from '../../tools/postgres/swap.ts';
import type { DatabaseManifest } from '../backup/manifest.ts';
import { type DatabaseSize, databaseSizes, leftBy } from '../data/left-databases.ts';
import {
  type Beside,
  beforeName,
  dropDatabase,
  existingBeside,
  isThere,
  restoreBeside,
  swapIn,
} from '../data/restore.ts';
import { noteMove } from '../ledger/moved-data.ts';
import type { Facts } from './facts.ts';

/** Restoring and comparing on this disk, against the trial in memory when the backup was taken. */
const SLOWER = 2;
const BYTES_PER_SECOND = 20_000_000;

/** Restores the backup beside what is in use, however long it takes; there is none to restore where an earlier restore kept the database. */
export function restoreStep({ incoming, database }: Facts): Step<Beside> | undefined {
  if (incoming.kind === 'kept') return undefined;
  const { stored, roles } = incoming;
  const { manifest } = stored;
  const name = `${printable(database.name)}_restoring_<time>`;
  let beside: Beside | undefined;
  return {
    id: 'restore',
    title: { en: 'Restore the backup beside what is in use, and compare it', zh: '将备份恢复到另一个新库并逐项比对' },
    risk: 'none',
    commands: [
      {
        en: `CREATE DATABASE ${name}; pg_restore; compare every table; ANALYZE`,
        zh: `CREATE DATABASE ${name}; pg_restore; 逐表比对; ANALYZE`,
      },
    ],
    wayBack: { en: 'it is dropped, unless it was in use', zh: '删除该新库 (若曾启用则保留)' },
    seconds: restoreSeconds(manifest),
    async run(ops) {
      beside = await restoreBeside(ops, database, stored, { roles });
      return beside;
    },
    evidence: () => comparedText(manifest),
    // It may be in use, or have been; then there is none of this name.
    undo: async (ops) => beside && dropDatabase(ops, beside.server, beside.incoming),
  };
}

/** What an earlier restore kept is there already. @throws {OpsError} `precondition` when it is not. */
export async function keptBeside(ops: Ops, { incoming, database }: Facts): Promise<Beside> {
  if (incoming.kind !== 'kept') throw new Error('the backup was not restored');
  return existingBeside(ops, database, incoming.database);
}

/** Key of the note of what is about to get the name. */
export const SWAP = 'swap';

/** The names, in one transaction. Tells what the former database is called now; undefined when there was none. */
export function swapStep({ incoming, database }: Facts): Step<string | undefined, [Beside]> {
  const name = printable(database.name);
  const from = incoming.kind === 'kept' ? printable(incoming.database) : `${name}_restoring_<time>`;
  let oid: number | undefined;
  return {
    id: 'swap',
    title: { en: 'Swap the names, in one transaction', zh: '在同一事务中交换数据库名称' },
    risk: 'changes',
    commands: [
      {
        en: 'pg_terminate_backend: the sessions of these two databases, of no other',
        zh: 'pg_terminate_backend: 仅终止这两个数据库的会话',
      },
      `BEGIN; ALTER DATABASE ${name} RENAME TO ${name}_before_<time>; ALTER DATABASE ${from} RENAME TO ${name}; COMMIT`,
    ],
    wayBack: {
      en: `the names are swapped back; the one that came is kept as ${name}_before_<time>: people may have written to it`,
      zh: `再次交换名称; 换入的库保留为 ${name}_before_<time>: 其间可能已有写入`,
    },
    seconds: 1,
    async run(ops, beside) {
      // For whoever finds this run dead: a name says nothing after a swap.
      oid = (await databaseSizes(ops, beside.server)).find((d) => d.name === beside.incoming)?.oid;
      const from = incoming.kind === 'kept' ? incoming.database : incoming.stored.manifest.id;
      noteMove(ops, SWAP, { from, oid, before: beside.before });
      const { before } = await swapIn(ops, beside);
      return before ?? undefined;
    },
    async undo(ops, { server, name, before }) {
      const inUse = (await databaseSizes(ops, server)).find((d) => d.name === name);
      if (inUse === undefined || inUse.oid !== oid) return;
      // From now on: people may have written to it. Where there was none, the name is nobody's again.
      const aside = await beforeName(ops, server, name);
      const former = await isThere(ops, server, before);
      const back = former ? { incoming: before, name, before: aside } : { incoming: name, name: aside, before: null };
      await swapDatabases(ops, server, back);
    },
  };
}

/** After a swap that was taken back: what the one that had come is called now. Undefined when none had. @param now every database of the cluster. */
export function keptText({ database, left }: Facts, now: readonly DatabaseSize[]): Text | undefined {
  const kept = leftBy(database.name, now).find((l) => l.kind === 'before' && !left.some((was) => was.name === l.name));
  if (kept === undefined) return undefined;
  const [name, drop] = [kept.name, `npx tsx scripts/restore-prod.ts --drop ${asTyped([kept.name])}`].map(printable);
  return {
    en: `The one that had come is kept as ${name}: what was written to it meanwhile is nowhere else. When nobody needs that: ${drop}`,
    zh: `换入过的库保留为 ${name}: 其间写入的数据只在其中. 确认不再需要后删除: ${drop}`,
  };
}

/** From how long it took to restore it on trial, if it was. */
function restoreSeconds({ verification: { level, milliseconds }, databaseBytes }: DatabaseManifest): number {
  const guess = level === 'restored' ? milliseconds / 1000 : databaseBytes / BYTES_PER_SECOND;
  return Math.max(1, Math.round(guess * SLOWER));
}

function comparedText({ contents, databaseBytes }: DatabaseManifest): Text {
  const rows = contents.tables.reduce((sum, t) => sum + t.rows, 0);
  const size = humanBytes(databaseBytes);
  return {
    en: `${size}; ${contents.tables.length} tables, ${rows} rows, all as in the backup`,
    zh: `${size}; ${contents.tables.length} 张表, ${rows} 行, 与备份完全一致`,
  };
}

/** Exact commands for a person. @param swapping the names that were being swapped. */
export function advice(ops: Pick<Ops, 'target'>, { app, database }: Facts, swapping: Beside | undefined): Text[] {
  const psql = `docker exec -it ${database.container.id.slice(0, 12)} psql -U ${database.user} -d postgres`;
  return [
    { en: `In ${ops.target.dir}: which databases there are`, zh: `请在 ${ops.target.dir} 中查看现有数据库:` },
    same(`${psql} -l`),
    ...given(swapping, ({ name, before }) => ({
      en: `The former database is ${printable(name)}, or ${printable(before)} if that exists; the restored one is the other.`,
      zh: `若存在 ${printable(before)}, 则它是原数据库, 否则原数据库仍为 ${printable(name)}; 另一个是恢复出的数据库.`,
    })),
    ...given(app, ({ id }) => ({
      en: `If the application's programs stand still (state T): docker exec -u 0 ${id.slice(0, 12)} pkill -CONT -f gunicorn`,
      zh: `若应用各程序仍被冻结 (进程状态 T): docker exec -u 0 ${id.slice(0, 12)} pkill -CONT -f gunicorn`,
    })),
    same(`docker logs --tail 100 ${database.container.id.slice(0, 12)}`),
  ];
}
