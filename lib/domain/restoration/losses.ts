import type { Row } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import type { DestructiveRequest } from '../data/consent.ts';
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
  const then = rowsThen(incoming);
  if (rows === undefined || then === undefined) return [[{ en: 'rows now', zh: '当前行数' }, UNKNOWN]];
  const changed = rows.filter((r) => r.rows !== (then.get(`${r.schema}.${r.name}`) ?? 0));
  if (changed.length === 0) return [[{ en: 'rows', zh: '行数' }, UNCHANGED]];
  const lines = changed.slice(0, SHOWN).map((r): Row => {
    const table = printable(`${r.schema}.${r.name}`);
    const had = then.get(`${r.schema}.${r.name}`);
    return [{ en: `rows in ${table}`, zh: `${table} 行数` }, same(`${r.exact ? '' : '≈ '}${r.rows} → ${had ?? '-'}`)];
  });
  const more = changed.length - SHOWN;
  if (more > 0) lines.push([{ en: 'more tables', zh: '其他表' }, same(String(more))]);
  return lines;
}

/** Rows by table in what is to come. */
function rowsThen(incoming: Incoming): Map<string, number> | undefined {
  const tables = incoming.kind === 'backup' ? incoming.stored.manifest.contents.tables : incoming.rows;
  return tables && new Map(tables.map((t) => [`${t.schema}.${t.name}`, t.rows]));
}

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
