import type { Row } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import type { RowCount } from '../../tools/postgres/row-counts.ts';
import type { DestructiveRequest } from '../data/consent.ts';
import { noTablespaces } from '../data/restore-errors.ts';
import type { Facts, Incoming } from './facts.ts';

const SHOWN = 12;

/** What the consent names: rows that are there now and will not be after it, table by table. */
export function restoreRequest(facts: Facts): DestructiveRequest {
  const { database, incoming, at } = facts;
  const name = printable(database.name);
  const from: Text =
    incoming.kind === 'kept'
      ? same(printable(incoming.database))
      : {
          en: `the backup of ${incoming.stored.manifest.createdAt} (${ageText(at, incoming.stored.manifest.createdAt).en} ago)`,
          zh: `${incoming.stored.manifest.createdAt} 的备份 (${ageText(at, incoming.stored.manifest.createdAt).zh}前)`,
        };
  return {
    title: {
      en: `Database ${name} will be replaced by ${from.en}. What was written since is no longer in use (it is kept beside):`,
      zh: `数据库 ${name} 将被替换为 ${from.zh}. 此后写入的数据不再生效 (原库改名保留):`,
    },
    phrase: `RESTORE ${database.name}`,
    volumes: [],
    losses: [...writesSince(facts), ...rolesBack(incoming)],
  };
}

/** What somebody gets back who does not have it now. */
function rolesBack(incoming: Incoming): Row[] {
  if (incoming.kind === 'kept' || incoming.roles === 'needed') return [];
  return incoming.roleDifferences.map((line) => [{ en: 'role', zh: '角色' }, line]);
}

function writesSince({ rows, incoming }: Facts): Row[] {
  const then = incoming.kind === 'backup' ? incoming.stored.manifest.contents.tables : incoming.rows;
  if (rows === undefined || then === undefined) return [[{ en: 'rows now', zh: '当前行数' }, UNKNOWN]];
  return rowChanges(rows, then, UNCHANGED);
}

/** Where there are other rows now than then, table by table, also of those that only one of both has. @param unchanged what is said when that is nowhere so. */
export function rowChanges(now: readonly RowCount[], then: readonly Counted[], unchanged: Text): Row[] {
  const [is, was] = [byName(now), byName(then)];
  const names = new Set([...is.keys(), ...was.keys()]);
  const changed = [...names].filter((name) => is.get(name)?.rows !== was.get(name)?.rows);
  if (changed.length === 0) return [[{ en: 'rows', zh: '行数' }, unchanged]];
  return byTable(changed.map((name) => [name, `${rowsOf(is.get(name))} → ${rowsOf(was.get(name))}`]));
}

/** Of many tables the first, and how many more there are. */
export const rowsByTable = (tables: readonly RowCount[]): Row[] => byTable(tables.map((t) => [nameOf(t), rowsOf(t)]));

function byTable(all: readonly (readonly [name: string, rows: string])[]): Row[] {
  const lines = all.slice(0, SHOWN).map(([name, rows]): Row => {
    const table = printable(name);
    return [{ en: `rows in ${table}`, zh: `${table} 行数` }, same(rows)];
  });
  const more = all.length - SHOWN;
  if (more > 0) lines.push([{ en: 'more tables', zh: '其他表' }, same(String(more))]);
  return lines;
}

const rowsOf = (table: Counted | undefined): string =>
  table === undefined ? '-' : `${table.exact === false ? '≈ ' : ''}${table.rows}`;

type Counted = Pick<RowCount, 'schema' | 'name' | 'rows'> & Partial<Pick<RowCount, 'exact'>>;

const byName = (tables: readonly Counted[]): ReadonlyMap<string, Counted> => new Map(tables.map((t) => [nameOf(t), t]));

const nameOf = ({ schema, name }: Counted): string => `${schema}.${name}`;

const UNKNOWN: Text = { en: 'they can’t be read', zh: '无法查询' };

const UNCHANGED: Text = {
  en: 'as many in every table as there; they may differ all the same',
  zh: '各表行数相同, 但内容可能有变化',
};

/** How long ago something was, in its two largest units: `3 days 4 h`, `12 min`. @param at milliseconds since the epoch. */
export function ageText(at: number, date: string): Text {
  const minutes = Math.max(0, Math.floor((at - Date.parse(date)) / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days > 0) return { en: `${days} days ${hours} h`, zh: `${days} 天 ${hours} 小时` };
  if (hours > 0) return { en: `${hours} h ${minutes % 60} min`, zh: `${hours} 小时 ${minutes % 60} 分钟` };
  return { en: `${minutes} min`, zh: `${minutes} 分钟` };
}

/** What of the cluster, which is no part of the database, is not as it was. */
export function clusterRows(incoming: Incoming): Row[] {
  if (incoming.kind === 'kept') return [];
  const { stored, roleDifferences, missingTablespaces } = incoming;
  const rows = roleDifferences.map((line): Row => [{ en: 'role', zh: '角色' }, line]);
  if (missingTablespaces.length > 0)
    rows.push([{ en: 'tablespaces', zh: '表空间' }, noTablespaces(missingTablespaces)]);
  if ((stored.manifest.contents.objects.subscriptions ?? 0) > 0)
    rows.push([{ en: 'subscriptions', zh: '订阅' }, LEFT_OUT]);
  return rows;
}

const LEFT_OUT: Text = {
  en: 'the backup has some; they are not restored: they would fetch from another server',
  zh: '备份中有订阅, 不会恢复: 否则会从其他服务器拉取数据',
};
