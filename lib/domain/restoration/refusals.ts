import { refuse } from '../../core/refusal.ts';
import { printable, same } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { identifier, literal } from '../../tools/postgres/psql.ts';
import type { LeftDatabase } from '../data/left-databases.ts';

// Why a restore does not begin: `precondition` all of them.

export const notRunning = (key: string, container: Container | undefined) =>
  refuse(
    {
      en: `The database (${key}) ${container ? `is ${container.state}` : 'has no container'}.`,
      zh: `数据库 (${key}) ${container ? `状态为 ${container.state}` : '没有容器'}.`,
    },
    container?.state === 'paused'
      ? same(`docker unpause ${container.id.slice(0, 12)}`)
      : {
          // As it was made, whatever the compose file says by now.
          en: `${container ? `Start it: docker start ${container.id.slice(0, 12)}   If it can't start: ` : ''}npx tsx scripts/deploy-prod-all.ts`,
          zh: `${container ? `请先启动: docker start ${container.id.slice(0, 12)}   若无法启动: ` : ''}npx tsx scripts/deploy-prod-all.ts`,
        },
  );

/** What is paused answers nobody; whoever paused it may be in the middle of something. */
export const paused = (app: Container) =>
  refuse(
    {
      en: `The application (${app.name}) is paused: it answers nobody.`,
      zh: `应用 (${app.name}) 处于暂停状态, 不响应任何请求.`,
    },
    {
      en: `Let it go on, then run this again: docker unpause ${app.id.slice(0, 12)}`,
      zh: `先恢复运行再重试: docker unpause ${app.id.slice(0, 12)}`,
    },
  );

/** What of logical replication hangs on a database. */
export interface Replication {
  /** It fetches from another server. */
  readonly subscriptions: readonly string[];
  /** Another server fetches from it; a slot stays with the database that it was made in, whatever that is called. */
  readonly slots: readonly string[];
}

export function refuseReplication(database: { readonly name: string }, { subscriptions, slots }: Replication): void {
  refuseSubscriptions(database, subscriptions);
  if (slots.length === 0) return;
  const [name, list] = [printable(database.name), printable(slots.join(', '))];
  throw refuse(
    {
      en: `Others replicate database ${name} (slots ${list}). A slot stays with the database that is replaced: they would get nothing any more, and the disk fill with what is kept for them.`,
      zh: `数据库 ${name} 正被其他 PostgreSQL 以逻辑复制订阅 (复制槽 ${list}). 复制槽属于被替换的库: 恢复后对方将收不到数据, 并且保留的 WAL 会占满磁盘.`,
    },
    {
      en: 'Stop the subscribers, drop the slots here, and set the replication up again after the restore:',
      zh: '请先停止订阅方并在本库删除复制槽, 恢复之后重新建立复制:',
    },
    ...slots.map((slot) => same(`SELECT pg_drop_replication_slot(${printable(literal(slot))});`)),
  );
}

/** No database with a subscription gets another name. */
function refuseSubscriptions({ name }: { readonly name: string }, subscriptions: readonly string[]): void {
  if (subscriptions.length === 0) return;
  const list = printable(subscriptions.join(', '));
  throw refuse(
    {
      en: `Database ${printable(name)} has subscriptions (${list}), so PostgreSQL will not rename it.`,
      zh: `数据库 ${printable(name)} 存在订阅 (${list}), PostgreSQL 不允许对其改名.`,
    },
    ...subscriptions.map((subscription) => {
      const s = printable(identifier(subscription));
      return same(
        `ALTER SUBSCRIPTION ${s} DISABLE; ALTER SUBSCRIPTION ${s} SET (slot_name = NONE); DROP SUBSCRIPTION ${s};`,
      );
    }),
  );
}

/**
 * @param left what there is to choose from.
 * @param exists another's, or the rest of a restore that was killed.
 */
export const noSuchDatabase = (name: string, left: readonly LeftDatabase[], exists = false) =>
  refuse(
    exists
      ? {
          en: `No restore has put database ${printable(name)} aside.`,
          zh: `数据库 ${printable(name)} 不是恢复操作保留下来的原数据库.`,
        }
      : { en: `There is no database ${printable(name)}.`, zh: `数据库 ${printable(name)} 不存在.` },
    ...(left.length > 0
      ? left.map(({ name: there, since }) => ({
          en: `There is ${printable(there)} (put aside ${since}).`,
          zh: `现有 ${printable(there)} (${since} 保留).`,
        }))
      : [{ en: 'No restore has left one beside it.', zh: '没有任何恢复操作保留下来的数据库.' }]),
  );
