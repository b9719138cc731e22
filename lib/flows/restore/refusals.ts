import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import type { Target } from '../../core/target.ts';
import { printable, same } from '../../core/text.ts';
import type { LeftDatabase } from '../../domain/data/left-databases.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { identifier } from '../../tools/postgres/psql.ts';

// Why a restore does not begin: `precondition` all of them.

export const notRunning = (target: Target, key: string, container: Container | undefined) =>
  new OpsError({
    kind: 'precondition',
    what: {
      en: `The database (${key}) ${container ? `is ${container.state}` : 'has no container'}.`,
      zh: `数据库 (${key}) ${container ? `状态为 ${container.state}` : '没有容器'}.`,
    },
    state: NOTHING_CHANGED,
    next: [
      container?.state === 'paused'
        ? same(`docker unpause ${container.id.slice(0, 12)}`)
        : {
            en: `Start it: ${composeTyped(target, 'up', '-d', '--no-deps', key)}   If it can't start: npx tsx scripts/deploy-prod-all.ts`,
            zh: `请先启动: ${composeTyped(target, 'up', '-d', '--no-deps', key)}   若无法启动: npx tsx scripts/deploy-prod-all.ts`,
          },
    ],
  });

/** What is paused answers nobody; whoever paused it may be in the middle of something. */
export const paused = (app: Container) =>
  new OpsError({
    kind: 'precondition',
    what: {
      en: `The application (${app.name}) is paused: it answers nobody.`,
      zh: `应用 (${app.name}) 处于暂停状态, 不响应任何请求.`,
    },
    state: NOTHING_CHANGED,
    next: [
      {
        en: `Let it go on, then run this again: docker unpause ${app.id.slice(0, 12)}`,
        zh: `先恢复运行再重试: docker unpause ${app.id.slice(0, 12)}`,
      },
    ],
  });

/** No database with a subscription gets another name. */
export function refuseSubscriptions({ name }: { readonly name: string }, subscriptions: readonly string[]): void {
  if (subscriptions.length === 0) return;
  const list = printable(subscriptions.join(', '));
  throw new OpsError({
    kind: 'precondition',
    what: {
      en: `Database ${printable(name)} has subscriptions (${list}), so PostgreSQL will not rename it.`,
      zh: `数据库 ${printable(name)} 存在订阅 (${list}), PostgreSQL 不允许对其改名.`,
    },
    state: NOTHING_CHANGED,
    next: subscriptions.map((subscription) => {
      const s = printable(identifier(subscription));
      return same(
        `ALTER SUBSCRIPTION ${s} DISABLE; ALTER SUBSCRIPTION ${s} SET (slot_name = NONE); DROP SUBSCRIPTION ${s};`,
      );
    }),
  });
}

/** @param left what there is to choose from. */
export const noSuchDatabase = (name: string, left: readonly LeftDatabase[]) =>
  new OpsError({
    kind: 'precondition',
    what: { en: `There is no database ${printable(name)}.`, zh: `数据库 ${printable(name)} 不存在.` },
    state: NOTHING_CHANGED,
    next:
      left.length > 0
        ? left.map(({ name: there, since }) => ({
            en: `There is ${printable(there)} (put aside ${since}).`,
            zh: `现有 ${printable(there)} (${since} 保留).`,
          }))
        : [{ en: 'No restore has left one beside it.', zh: '没有任何恢复操作保留下来的数据库.' }],
  });
