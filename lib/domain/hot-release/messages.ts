import { type Ops, runName } from '../../core/ops.ts';
import { agree, decline } from '../../core/refusal.ts';
import { section, WHAT_IS_THERE } from '../../core/screen.ts';
import { joined, printable, same, type Text } from '../../core/text.ts';
import type { Outage } from '../../tools/http/probe.ts';
import { blindText, type Noticed } from '../hold/downtime.ts';
import { holdText, meanwhile } from '../hold/messages.ts';
import { lastDrillText } from '../ledger/drills.ts';
import { PROVES } from '../ledger/proofs.ts';
import { runningText } from '../release/running.ts';
import { resetTo, type SavedLocal, saveLocal } from '../release/save-local.ts';
import { leftAloneRows } from '../stack/left-alone.ts';
import type { Facts } from './facts.ts';
import type { UpdateOptions } from './options.ts';
import type { UpdatePlan } from './plan.ts';

/** What was found, and what is to be said of it. */
export function showFacts(ops: Ops, facts: Facts, plan: UpdatePlan | undefined): void {
  const { show } = ops.screen;
  const { source, schema, newMigrations, local } = facts;
  const said = (text: string): Text => same(printable(text));
  section(ops.screen, WHAT_IS_THERE, 'facts', [
    [{ en: 'directory', zh: '部署目录' }, said(ops.target.dir)],
    [{ en: 'runs now', zh: '当前运行' }, runsNow(facts)],
    [{ en: 'would run', zh: '将要运行' }, said(`${source.commit.slice(0, 10)} ${source.subject} (${source.ref})`)],
    [{ en: 'programs', zh: '程序' }, said(facts.programs.all.map((p) => p.name).join(', '))],
    ...leftAloneRows(facts.stack),
    [{ en: 'schema revision', zh: '数据库结构版本' }, said(schema.kind === 'empty' ? '-' : schema.revision)],
    [{ en: 'new migrations', zh: '新增迁移' }, said(newMigrations.join(', ') || '-')],
    ...(plan?.restart.kind === 'container'
      ? [[{ en: 'requests meanwhile', zh: '期间的请求' }, holdText(plan.hold)] as const]
      : []),
    [{ en: 'last drill', zh: '上次演练' }, lastDrillText(ops.paths, ops.clock.now())],
    [{ en: 'survey', zh: '检查用时' }, same(`${facts.milliseconds} ms`)],
  ]);
  for (const path of [...local.uncommitted, ...local.colliding].slice(0, 10))
    show({ event: 'warning', text: { en: `local change: ${printable(path)}`, zh: `本地修改: ${printable(path)}` } });
  for (const { commit, subject } of local.unpushed.slice(0, 10)) {
    const what = printable(`${commit.slice(0, 10)} ${subject}`);
    show({
      event: 'warning',
      text: { en: `local commit, not on the remote: ${what}`, zh: `未推送的本地提交: ${what}` },
    });
  }
  for (const text of plan?.warnings ?? []) show({ event: 'warning', text });
}

function runsNow({ running: { code, commit, subject } }: Facts): Text {
  const known = printable(`${commit?.slice(0, 10) ?? '?'} ${subject ?? ''}`);
  return code === undefined || code.commit !== undefined ? same(known) : runningText(code);
}

/**
 * Asks whether local changes may be set aside, and whether to go on.
 *
 * @throws {OpsError} `declined`
 */
export async function agreeToGo(ops: Ops, facts: Facts, plan: UpdatePlan, options: UpdateOptions): Promise<void> {
  if (!facts.local.none && !options.discardLocal) {
    const agreed = await ops.screen.askChoice(
      {
        en: 'The deploy directory has local changes; the release wins. Save them under a git ref and go on?',
        zh: '部署目录有本地修改, 将以发布版本为准. 是否保存为 git 引用后继续?',
      },
      [
        { value: 'yes', label: { en: 'save them and go on', zh: '保存并继续' } },
        { value: 'no', label: { en: 'cancel', zh: '取消' } },
      ],
    );
    if (agreed !== 'yes') throw localChanges();
  }
  const container = plan.restart.kind === 'container';
  const question: Text = container
    ? {
        en: `Go on? The container will be restarted. ${meanwhile(plan.hold).en}.`,
        zh: `是否继续? 容器将重启, ${meanwhile(plan.hold).zh}.`,
      }
    : { en: 'Go on?', zh: '是否继续?' };
  await agree(ops.screen, question);
}

const localChanges = () =>
  decline(
    {
      en: 'The deploy directory has local changes (shown above); nothing was done with them.',
      zh: '部署目录有本地修改 (见上), 未做任何处理.',
    },
    {
      en: 'Commit and push them, or let them be saved under a git ref: --discard-local',
      zh: '请提交并推送, 或使用 --discard-local 将其保存为 git 引用后继续.',
    },
  );

const one = ({ sent, failed, longestGapMs, latencyMs }: Outage): Text => {
  const waits = `${latencyMs.max} ms, ${latencyMs.p99} ms`;
  if (failed === 0) return same(`${failed}/${sent}, ${waits}`);
  const gap = Math.round(longestGapMs);
  return {
    en: `${failed}/${sent} (nobody was answered for ${gap} ms), ${waits}`,
    zh: `${failed}/${sent} (最长 ${gap} ms 无任何应答), ${waits}`,
  };
};

/** Failed and sent requests, the longest wait for an answer, p99. */
export function noticedText(noticed: Noticed | undefined): Text {
  if (noticed === undefined) return { en: 'not measured', zh: '未测量' };
  const ways = noticed.map(({ name, outage }) =>
    joined([{ en: printable(name.en), zh: printable(name.zh) }, one(outage)], ' '),
  );
  const [{ en, zh }, blind] = [joined(ways), blindText(noticed)];
  return { en: `failed/sent, longest wait, p99: ${en}${blind.en}`, zh: `失败/总数, 最长等待, p99: ${zh}${blind.zh}` };
}

/** What is said when what runs is what would run. The deploy directory still comes to it, where that loses nothing. */
export async function nothingToDo(
  ops: Ops,
  { source, local }: Facts,
  planOnly: boolean,
  { discardLocal, direction }: Pick<UpdateOptions, 'discardLocal' | 'direction'>,
): Promise<Text> {
  const short = source.commit.slice(0, 10);
  const text: Text =
    direction === 'back'
      ? { en: `Nothing to do: ${short} runs already, every file of it.`, zh: `无需回退: ${short} 已在运行, 文件一致.` }
      : {
          en: `Nothing to do: ${short} runs already, every file of it, and the schema is at its revision.`,
          zh: `无需更新: ${short} 已在运行, 文件与数据库结构均一致.`,
        };
  ops.screen.show({ event: 'ok', text });
  // All of it was asked: what a killed run had begun is proved by that.
  ops.journal.write({ event: 'plan', steps: [], proves: PROVES['update-prod-flask'] });
  if (planOnly || local.head === source.commit) return text;
  if (!local.none && !discardLocal) {
    ops.screen.show({ event: 'warning', text: DIRECTORY_BEHIND });
    return text;
  }
  // An update that could not do this at its end is brought to it.
  const saved = await saveLocal(ops, local, runName(ops));
  await resetTo(ops, source.commit, local, saved);
  const brought = { en: `The deploy directory was brought to ${short}.`, zh: `部署目录已同步到 ${short}.` };
  ops.screen.show({ event: 'info', text: brought });
  if (saved) ops.screen.show({ event: 'info', text: getBackText(saved) });
  return text;
}

export function getBackText({ getBack }: SavedLocal): Text {
  const list = getBack.map((typed) => `\n  ${printable(typed)}`).join('');
  return {
    en: `The local changes are kept. To get them back, all of them or one file (PATH):${list}`,
    zh: `本地修改已保存. 取回全部或单个文件 (PATH):${list}`,
  };
}

const DIRECTORY_BEHIND: Text = {
  en: 'The deploy directory is at another commit and has local changes (above): it was left as it is. --discard-local keeps them under a git ref and brings it to this commit.',
  zh: '部署目录停留在另一个提交且有本地修改 (见上), 未做改动. 使用 --discard-local 可将其保存为 git 引用, 并切换到该提交.',
};
