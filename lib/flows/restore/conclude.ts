import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { type Row, SUMMARY, say, section } from '../../core/screen.ts';
import type { Recovery } from '../../core/step.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED, sayProved } from '../../core/verdict.ts';
import { type Noticed, outageText } from '../../domain/hold/downtime.ts';
import type { Seen } from '../../domain/hold/hold.ts';
import { seenText } from '../../domain/hold/messages.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import { readReleases } from '../../domain/ledger/releases.ts';
import type { Facts, Swapped } from '../../domain/restoration/facts.ts';
import { advice } from '../../domain/restoration/steps.ts';
import { carryOut, showSteps } from '../../runs/steps/steps.ts';
import { backCommand, dropCommand } from './commands.ts';
import { leftText } from './messages.ts';
import { type Proven, proveStep } from './prove.ts';

export interface Restored {
  /** What the former database is called now; undefined when there was none. */
  readonly kept: string | undefined;
  readonly proven: Proven;
  readonly noticed: Noticed | undefined;
  /** Of the connections that waited. */
  readonly seen: Seen;
}

/**
 * Shows the summary: only what was measured or seen. Returns the verdict.
 *
 * @throws {OpsError} `needs-person` when the application runs and is not healthy: it was not before either.
 */
export function conclude(ops: Ops, facts: Facts, { kept, proven, noticed, seen }: Restored): Text {
  const { show } = ops.screen;
  const from = facts.incoming.kind === 'backup' ? facts.incoming.stored.dir : facts.incoming.database;
  const rows: Row[] = [
    [{ en: 'restored', zh: '已恢复' }, same(printable(from))],
    [{ en: 'database', zh: '数据库' }, same(printable(facts.database.name))],
    [{ en: 'revision', zh: '结构版本' }, same(printable(proven.revision ?? '-'))],
    [{ en: 'health', zh: '健康检查' }, proven.health],
    [{ en: 'users noticed', zh: '用户感知' }, outageText(noticed)],
    [{ en: 'held meanwhile', zh: '期间暂存' }, seenText(seen)],
    [{ en: 'former database', zh: '原数据库' }, same(printable(kept ?? '-'))],
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ];
  section(ops.screen, SUMMARY, 'summary', rows);
  if (kept !== undefined) {
    const [back, drop] = [printable(backCommand(kept)), printable(dropCommand(kept))];
    show({ event: 'info', text: { en: `The way back to what was there: ${back}`, zh: `换回原来的数据库: ${back}` } });
    say(ops.screen, 'info', {
      en: `When nobody needs it any more (asks first, and wants a newer backup): ${drop}`,
      zh: `确认不再需要后删除 (需确认, 且要求已有更新的备份): ${drop}`,
    });
  }
  for (const left of facts.left) {
    // Returned to, it has the database's own name now; of what was put aside, all is said.
    if (left.name === kept || (facts.incoming.kind === 'kept' && left.name === facts.incoming.database)) continue;
    const drop = printable(dropCommand(left.name));
    const text = leftText(left);
    show({ event: 'info', text: { en: `Also there: ${text.en}. ${drop}`, zh: `另有: ${text.zh}. ${drop}` } });
  }
  const besides = otherSchema(ops, proven);
  if (facts.app?.state === 'running' && !proven.healthy) {
    for (const text of besides) show({ event: 'warning', text });
    throw unhealthy(facts.app.id, proven.health, kept);
  }
  return sayProved(
    ops.screen,
    besides,
    { en: 'Restored and proved', zh: '恢复完成并已验证' },
    {
      en: `restored ${printable(from)}; the former database is ${printable(kept ?? '-')}`,
      zh: `已恢复 ${printable(from)}; 原数据库为 ${printable(kept ?? '-')}`,
    },
  );
}

/** A backup from before a migration, or from after one that the code does not have. */
function otherSchema(ops: Ops, { revision, code }: Proven): Text[] {
  if (code === undefined || code.head === revision) return [];
  const is = printable(revision ?? '-');
  const runs = readReleases(ops.paths).at(-1)?.commit.slice(0, 10) ?? '<commit>';
  const way: Text = code.known
    ? {
        en: `to migrate it with that code: npx tsx scripts/update-prod-flask.ts --ref ${runs}`,
        zh: `用该代码执行迁移: npx tsx scripts/update-prod-flask.ts --ref ${runs}`,
      }
    : {
        en: 'the code does not know that revision: release the one that wrote it, or a newer one',
        zh: '该代码不认识这一版本: 请发布写入它的版本或更新的版本',
      };
  return [
    {
      en: `the database is at revision ${is}, the code that runs needs ${printable(code.head)}: what depends on it fails; ${way.en}`,
      zh: `数据库结构版本为 ${is}, 当前代码需要 ${printable(code.head)}: 依赖该结构的功能会出错; ${way.zh}`,
    },
  ];
}

const unhealthy = (app: string, health: Text, kept: string | undefined) =>
  new OpsError({
    kind: 'needs-person',
    what: {
      en: `The database is restored and compared, but the application is not healthy: ${health.en}`,
      zh: `数据库已恢复并比对无误, 但应用不健康: ${health.zh}`,
    },
    state: {
      en: 'It was not healthy before either, so the restored database stays in use.',
      zh: '应用在恢复之前也不健康, 因此继续使用恢复后的数据库.',
    },
    next: [
      {
        en: 'Does its code fit this schema? The way back to a former release: npx tsx scripts/update-prod-flask.ts --ref <commit>',
        zh: '请确认代码与该结构匹配. 回退到旧版本: npx tsx scripts/update-prod-flask.ts --ref <commit>',
      },
      same(`docker exec ${app.slice(0, 12)} supervisorctl status`),
      ...(kept === undefined ? [] : [same(printable(backCommand(kept)))]),
    ],
  });

/** What is missing of a restore that was killed after its swap: the application goes on by itself, and the way back is to what was there before that run. */
export async function finish(ops: Ops, facts: Facts, { run, before }: Swapped, planOnly: boolean): Promise<Text> {
  const name = printable(facts.database.name);
  say(ops.screen, 'info', {
    en: `Database ${name} is already what was asked for: run ${run} had swapped it in when it was killed. What is missing is the proof. To restore once more, run this again after that.`,
    zh: `数据库 ${name} 已是所要的数据: 运行 ${run} 在被强制终止前已完成交换, 只差验证. 如需再恢复一次, 请在此之后重新执行.`,
  });
  const steps = { prove: proveStep(facts) };
  showSteps(ops.screen, steps);
  if (planOnly) return ONLY_PLANNED;
  const back = before === undefined ? [] : [same(printable(backCommand(before)))];
  const recovery: Recovery = {
    prove: async () => ({
      en: `Database ${name} is the one that run ${run} swapped in${before ? `; the former one is ${printable(before)}` : ''}.`,
      zh: `数据库 ${name} 是运行 ${run} 换入的库${before ? `; 原数据库为 ${printable(before)}` : ''}.`,
    }),
    advice: () => [...advice(ops, facts, undefined), ...back],
    proves: PROVES['restore-prod'],
    ...(before !== undefined && { back: { script: 'restore-prod', args: [`--back=${before}`] } }),
  };
  const proven = await carryOut(ops, steps, recovery, (step) => step(steps.prove));
  return conclude(ops, facts, { kept: before, proven, noticed: undefined, seen: { held: 0, turnedAway: 0, cut: 0 } });
}
