import type { DestructiveRequest } from '../guard/consent.ts';
import type { PlannedStep } from '../runbook/steps.ts';
import { printable, same, type Text } from '../text.ts';
import type { Facts } from './facts.ts';

const SHOWN = 12;

/** The steps of a restore, in the order in which `scripts/restore-prod.ts` does them. */
export function plannedSteps(facts: Facts): PlannedStep[] {
  const { incoming, database, app } = facts;
  const name = printable(database.name);
  const container = app?.id.slice(0, 12) ?? '';
  const steps: (PlannedStep | false)[] = [
    incoming.kind === 'backup' && {
      id: 'restore',
      title: { en: 'Restore the backup beside what is in use, and compare it', zh: '将备份恢复到旁路数据库并逐项比对' },
      risk: 'none',
      commands: [`CREATE DATABASE ${name}_restoring_…; pg_restore; compare every table`],
      wayBack: { en: 'it is dropped', zh: '删除旁路数据库' },
    },
    app?.state === 'running' && {
      id: 'pause',
      title: { en: 'Pause the application: its requests wait', zh: '暂停应用, 期间请求等待' },
      risk: 'interrupts',
      commands: [`docker pause ${container}`],
      wayBack: { en: 'it goes on', zh: '恢复运行' },
    },
    {
      id: 'swap',
      title: { en: 'Swap the names, in one transaction', zh: '在同一事务中交换数据库名称' },
      risk: 'changes',
      commands: [`ALTER DATABASE ${name} RENAME TO ${name}_before_…; ALTER DATABASE … RENAME TO ${name}`],
      wayBack: { en: 'the names are swapped back', zh: '再次交换名称' },
    },
    app?.state === 'running' && {
      id: 'resume',
      title: { en: 'Let the application go on', zh: '恢复应用运行' },
      risk: 'none',
      commands: [`docker unpause ${container}`],
    },
    {
      id: 'prove',
      title: { en: 'Prove it', zh: '逐项验证' },
      risk: 'none',
      commands: ['alembic revision of the backup; both health checks'],
    },
  ];
  return steps.filter((s): s is PlannedStep => s !== false);
}

/** What the consent names: rows that are there now and will not be after it, table by table. */
export function restoreRequest(facts: Facts): DestructiveRequest {
  const { database, incoming } = facts;
  const name = printable(database.name);
  const from = incoming.kind === 'backup' ? incoming.stored.manifest.createdAt : printable(incoming.database);
  return {
    title: {
      en: `Database ${name} will be replaced by ${from}. What was written since is no longer in use (it is kept beside):`,
      zh: `数据库 ${name} 将被替换为 ${from}. 此后写入的数据不再生效 (原库保留在旁):`,
    },
    phrase: `RESTORE ${database.name}`,
    volumes: [],
    losses: writesSince(facts),
  };
}

function writesSince({ rows, incoming }: Facts): (readonly [Text, Text])[] {
  if (rows === undefined) return [[{ en: 'rows now', zh: '当前行数' }, same('?')]];
  if (incoming.kind === 'kept') return [];
  const had = new Map(incoming.stored.manifest.contents.tables.map((t) => [`${t.schema}.${t.name}`, t.rows]));
  const changed = rows.filter((r) => (had.get(`${r.schema}.${r.name}`) ?? 0) !== r.rows);
  if (changed.length === 0) return [[{ en: 'rows', zh: '行数' }, UNCHANGED]];
  const lines = changed.slice(0, SHOWN).map((r): readonly [Text, Text] => {
    const table = printable(`${r.schema}.${r.name}`);
    const then = had.get(`${r.schema}.${r.name}`);
    return [{ en: `rows in ${table}`, zh: `${table} 行数` }, same(`${r.exact ? '' : '≈ '}${r.rows} → ${then ?? '-'}`)];
  });
  const more = changed.length - SHOWN;
  if (more > 0) lines.push([{ en: 'more tables', zh: '其他表' }, same(String(more))]);
  return lines;
}

const UNCHANGED: Text = {
  en: 'as many in every table as in the backup; they may differ all the same',
  zh: '各表行数与备份相同, 但内容可能有变化',
};
