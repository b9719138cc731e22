import type { Ops } from '../../core/ops.ts';
import { agree, decline } from '../../core/refusal.ts';
import { section, WHAT_IS_THERE } from '../../core/screen.ts';
import { humanBytes, printable, same, type Text } from '../../core/text.ts';
import { stampRows } from '../../domain/env/stamp.ts';
import { holdText, meanwhile } from '../../domain/hold/messages.ts';
import { lastDrillText } from '../../domain/ledger/drills.ts';
import { runningText } from '../../domain/release/running.ts';
import type { DataChoice } from '../../domain/replacement/data-refusals.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { leftAloneRows } from '../../domain/stack/left-alone.ts';
import { type Steps, showSteps } from '../../runs/steps/steps.ts';
import { databaseText, type RebuildPlan } from './plan.ts';
import type { Rebuild } from './rebuild.ts';

/** Keep or delete, from `--data` or by asking; without anybody's data there is nothing to choose. @throws {OpsError} `declined` */
export async function chooseData(
  ops: Ops,
  facts: Facts,
  flags: Readonly<Record<string, unknown>> & { readonly planOnly: boolean },
): Promise<DataChoice> {
  if (flags.data === 'keep' || flags.data === 'delete') return flags.data;
  if (facts.fresh || flags.planOnly) return 'keep';
  const names = facts.volumes.map((v) => v.name).join(', ');
  const choice = await ops.screen.askChoice(
    { en: `There is data (${names}). Keep it or delete it?`, zh: `检测到已有数据 (${names}), 如何处理?` },
    [
      { value: 'keep', label: { en: 'keep it', zh: '保留' } },
      { value: 'delete', label: { en: 'back it up, then delete it', zh: '备份后删除' } },
      { value: 'cancel', label: { en: 'cancel', zh: '取消' } },
    ],
  );
  if (choice === 'keep' || choice === 'delete') return choice;
  throw decline(
    { en: 'Cancelled: nothing was chosen for the existing data.', zh: '已取消: 未选择如何处理已有数据.' },
    {
      en: 'Without a terminal, choose with --data keep or --data delete.',
      zh: '无终端环境请使用 --data keep 或 --data delete 指定.',
    },
  );
}

/** The question before a rebuild that destroys nothing. @throws {OpsError} `declined` */
export async function agreeToGo(ops: Ops, plan: RebuildPlan): Promise<void> {
  const { en, zh } = meanwhile(plan.hold);
  const question: Text = plan.interrupts
    ? { en: `Go on? ${en}.`, zh: `是否继续? ${zh}.` }
    : { en: 'Go on?', zh: '是否继续?' };
  await agree(ops.screen, question);
}

/** What was found and what will be done, step by step, with the commands. */
export function showPlan(ops: Ops, { facts, plan }: Rebuild, steps: Steps): void {
  const { show } = ops.screen;
  section(ops.screen, WHAT_IS_THERE, 'facts', [
    [{ en: 'directory', zh: '部署目录' }, same(printable(ops.target.dir))],
    [{ en: 'compose project', zh: 'compose 项目' }, same(facts.stack.project)],
    [{ en: 'commit', zh: '提交' }, same(`${facts.checkout.commit.slice(0, 10)} ${printable(facts.checkout.subject)}`)],
    ...stampRows(ops.target.release.stamp),
    [{ en: 'runs now', zh: '当前运行' }, runsNow(facts)],
    ...leftAloneRows(facts.stack),
    [{ en: 'database', zh: '数据库' }, databaseText(facts.database)],
    ...(plan.interrupts ? [[{ en: 'requests meanwhile', zh: '期间的请求' }, holdText(plan.hold)] as const] : []),
    [{ en: 'free disk', zh: '剩余磁盘' }, same(humanBytes(facts.freeBytes))],
    [{ en: 'last drill', zh: '上次演练' }, lastDrillText(ops.paths, ops.clock.now())],
    [{ en: 'survey', zh: '检查用时' }, same(`${facts.milliseconds} ms`)],
    [{ en: 'engine, compose', zh: '引擎, compose' }, same(`${facts.engine}, ${facts.compose}`)],
  ]);
  for (const warning of plan.warnings) show({ event: 'warning', text: warning.text, fix: warning.fix });
  showSteps(ops.screen, steps);
}

function runsNow(facts: Facts): Text {
  const { app } = facts.containers;
  if (!app) return same('-');
  const what = `${app.name} (${app.state}${app.health ? `, ${app.health}` : ''})`;
  const { running } = facts.app ?? {};
  if (running === undefined) return same(what);
  const said = runningText(running);
  return { en: `${what}, ${said.en}`, zh: `${what}, ${said.zh}` };
}
