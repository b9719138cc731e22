import type { Ops } from '../../core/ops.ts';
import { type Row, section, WHAT_IS_THERE } from '../../core/screen.ts';
import type { Step } from '../../core/step.ts';
import { humanBytes, printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { servedTexts } from '../../domain/app/routes.ts';
import { backupsOf } from '../../domain/backup/find.ts';
import { type Consent, confirmDestructive } from '../../domain/data/consent.ts';
import { dropLeftDatabase, proveSuperseded, type Superseded } from '../../domain/data/drop-database.ts';
import { databaseSizes, type LeftDatabase, leftBy } from '../../domain/data/left-databases.ts';
import { isThere } from '../../domain/data/restore.ts';
import { holdText } from '../../domain/hold/messages.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import { wasBegun } from '../../domain/ledger/unfinished-runs.ts';
import type { Facts } from '../../domain/restoration/facts.ts';
import { ageText, clusterRows, rowsByTable } from '../../domain/restoration/losses.ts';
import { noSuchDatabase } from '../../domain/restoration/refusals.ts';
import { findDatabase } from '../../domain/restoration/survey.ts';
import { carryOut, type Steps, showSteps } from '../../runs/steps/steps.ts';
import type { PgServer } from '../../tools/postgres/psql.ts';
import { countRows } from '../../tools/postgres/row-counts.ts';

/** What was found, and what will be done. */
export function showPlan(
  ops: Ops,
  facts: Facts,
  { steps, holds }: { readonly steps: Steps; readonly holds: HoldFacts },
): void {
  const { show } = ops.screen;
  const rows: Row[] = [
    [{ en: 'directory', zh: '部署目录' }, same(printable(ops.target.dir))],
    [
      { en: 'database now', zh: '当前数据库' },
      facts.before === undefined
        ? { en: `${printable(facts.database.name)}: there is none`, zh: `${printable(facts.database.name)}: 不存在` }
        : same(`${printable(facts.database.name)}, ${humanBytes(facts.before.bytes)}`),
    ],
    [{ en: 'to be restored', zh: '待恢复' }, incomingText(facts)],
    [{ en: 'application', zh: '应用' }, appText(facts)],
  ];
  if (facts.app?.state === 'running') rows.push([{ en: 'requests meanwhile', zh: '期间的请求' }, waitText(holds)]);
  if (facts.disk) {
    const [free, needed] = [humanBytes(facts.disk.free), humanBytes(facts.disk.needed)];
    rows.push([
      { en: 'disk', zh: '磁盘' },
      { en: `${free} free, ${needed} needed`, zh: `剩余 ${free}, 需要 ${needed}` },
    ]);
  }
  rows.push(...clusterRows(facts.incoming));
  for (const left of facts.left) rows.push([{ en: 'left beside', zh: '另外保留' }, leftText(left)]);
  section(ops.screen, WHAT_IS_THERE, 'facts', rows);
  for (const text of servedTexts(facts.served)) show({ event: 'warning', text });
  showSteps(ops.screen, steps);
}

/** Without a hold those that are under way are not waited for. */
const waitText = (holds: HoldFacts): Text =>
  holds.kind === 'holds'
    ? holdText(holds)
    : {
        en: `wait for about a second; those in the middle of a transaction fail (${holds.why.en})`,
        zh: `等待约 1 秒; 事务进行中的请求会失败 (${holds.why.zh})`,
      };

function incomingText({ incoming, at }: Facts): Text {
  if (incoming.kind === 'kept') return same(printable(incoming.database));
  const { dir, manifest } = incoming.stored;
  const { createdAt, contents, databaseBytes, commit, verification } = manifest;
  const [size, revision, by] = [
    humanBytes(databaseBytes),
    printable(contents.alembic ?? '-'),
    commit?.slice(0, 10) ?? '-',
  ];
  const proved: Text = verification.failure
    ? { en: 'ITS LAST VERIFICATION FAILED', zh: '最近一次验证失败' }
    : verification.level === 'restored'
      ? { en: `restored and compared (${verification.at})`, zh: `已恢复并比对 (${verification.at})` }
      : { en: 'never restored so far', zh: '尚未做过恢复验证' };
  const [en, zh] = [ageText(at, createdAt).en, ageText(at, createdAt).zh];
  return {
    en: `${printable(dir)}\n    taken ${createdAt}, ${en} ago; ${size}, revision ${revision}, commit ${by}; ${proved.en}`,
    zh: `${printable(dir)}\n    备份时间 ${createdAt}, ${zh}前; ${size}, 结构版本 ${revision}, 提交 ${by}; ${proved.zh}`,
  };
}

function appText({ app, health }: Facts): Text {
  if (app === undefined) return { en: 'no container', zh: '没有容器' };
  if (health === undefined) return same(`${app.name} (${app.state})`);
  return health.healthy ? { en: 'healthy', zh: '健康' } : describeHealth(health);
}

/** One of the databases that restores left, and what it is. */
export function leftText({ name, bytes, kind, since }: LeftDatabase): Text {
  const size = `${printable(name)}, ${humanBytes(bytes)}`;
  return kind === 'before'
    ? { en: `${size}: in use until ${since}`, zh: `${size}: 使用至 ${since}` }
    : { en: `${size}: an unfinished restore of ${since}`, zh: `${size}: ${since} 未完成的恢复` };
}

/**
 * Drops one of the databases that restores left, never another: after a consent, and only once what came after it is saved.
 *
 * @throws {OpsError} `precondition` when there is no such one (one that a killed run has dropped is done), or no newer backup; `declined`.
 */
export async function dropLeft(
  ops: Ops,
  name: string,
  { planOnly, confirm }: { readonly planOnly: boolean; readonly confirm: string | undefined },
): Promise<Text> {
  const { database } = await findDatabase(ops);
  const server = { ...database, name: 'template1' };
  const all = leftBy(database.name, await databaseSizes(ops, database));
  const left = all.find((l) => l.name === name);
  if (left === undefined && !wasBegun(ops, 'restore-prod', `--drop=${name}`)) throw noSuchDatabase(name, all);
  const done = { en: `Dropped: ${printable(name)}`, zh: `已删除: ${printable(name)}` };
  const recovery = { prove: (o: Ops) => stillThere(o, server, name), advice: () => [], proves: [] } as const;
  if (left === undefined) {
    const isGone = { ...DROP, risk: 'none', commands: [], run: async () => done, evidence: () => done } as const;
    showSteps(ops.screen, [isGone]);
    return planOnly ? ONLY_PLANNED : carryOut(ops, [isGone], recovery, (step) => step(isGone));
  }
  const superseded = proveSuperseded(left, backupsOf(ops, database.name));
  const drop = dropStep(server, left, superseded);
  showSteps(ops.screen, [drop]);
  if (planOnly) return ONLY_PLANNED;

  const tables = await countRows(ops, { ...database, name });
  const request = {
    title: {
      en: `Database ${leftText(left).en}. It will be dropped permanently, with:`,
      zh: `数据库 ${leftText(left).zh}. 将被永久删除, 包括:`,
    },
    phrase: `DROP ${name}`,
    volumes: [],
    databases: [name],
    losses: tables ? rowsByTable(tables.filter((t) => t.rows > 0)) : [NOT_COUNTED],
  };
  const consent = await confirmDestructive(ops, request, confirm);
  await carryOut(ops, [drop], recovery, (step) => step(drop, consent));
  ops.screen.show({ event: 'ok', text: done });
  return done;
}

const NOT_COUNTED: Row = [
  { en: 'rows', zh: '行数' },
  { en: 'could not be counted', zh: '无法统计' },
];

const DROP = { id: 'drop', title: { en: 'Drop a database that a restore left', zh: '删除恢复操作保留的数据库' } };

const dropStep = (server: PgServer, left: LeftDatabase, superseded: Superseded): Step<void, [Consent]> => ({
  ...DROP,
  risk: 'deletes',
  commands: [`DROP DATABASE ${printable(left.name)}`],
  loses: leftText(left),
  run: (ops, consent) => dropLeftDatabase(ops, server, left.name, { consent, superseded }),
});

async function stillThere(ops: Ops, server: PgServer, name: string): Promise<Text> {
  return (await isThere(ops, server, name))
    ? { en: `${printable(name)} is still there.`, zh: `${printable(name)} 仍然存在.` }
    : { en: `${printable(name)} is dropped.`, zh: `${printable(name)} 已删除.` };
}
