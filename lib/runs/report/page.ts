import { type Row, SUMMARY } from '../../core/screen.ts';
import { type Language, same, seconds, type Text } from '../../core/text.ts';
import type { Way } from '../../domain/ledger/requests.ts';
import { entriesOf, type Run } from '../../domain/ledger/runs.ts';
import { isOurs } from '../command-line/typed-again.ts';
import { backOf, typed } from '../interrupted/ways.ts';
import { CHART_STYLE, chartOf, KEY } from './chart.ts';
import { type Html, html } from './html.ts';
import { type StepTold, stepsTold } from './steps.ts';
import { STYLE } from './style.ts';

/** A run as one page that can be sent on: no network, no script; all text escaped. Pure. */
export function pageOf(run: Run, ways: readonly Way[], language: Language): string {
  const steps = stepsTold(run);
  const end = entriesOf(run, 'run-end').at(-1);
  const lasted = Date.parse(run.entries.at(-1)?.at ?? '') - Date.parse(run.started ?? '') || 0;
  const tables = [...new Map(entriesOf(run, 'table').map((t) => [t.id, t])).values()];
  const summary = tables.find((t) => t.id === 'summary');
  const body = html`${headOf(run, lasted)}
${summary && card(SUMMARY, rowsOf(summary.rows))}
${end && end.exitCode !== 0 && (end.next ?? []).length > 0 ? card({ en: 'What to do next', zh: '下一步' }, html`<ul>${(end.next ?? []).map((n) => html`<li><code>${n}</code></li>`)}</ul>`) : undefined}
${steps.length > 0 ? card({ en: 'Steps', zh: '步骤' }, html`<ol class="steps">${steps.map((s) => stepOf(s, lasted))}</ol>`) : undefined}
${card({ en: 'What visitors noticed', zh: '对访问者的影响' }, ways.length > 0 ? html`${ways.map((w) => chartOf(w, lasted, begins(steps)))}${KEY}` : html`<p class="soft">${NOT_MEASURED}</p>`)}
${tables.filter((t) => t !== summary).map((t) => card(TABLES[t.id] ?? same(t.id), rowsOf(t.rows)))}
${remarksOf(run)}
${wayBackOf(run)}
${versionsOf(run)}`;
  return document(`${run.name}`, body, language);
}

/** The frame of every page. */
export function document(title: string, body: Html, language: Language): string {
  const radio = (l: Language) =>
    html`<input class="lang" type="radio" name="lang" id="lang-${l}"${l === language ? html` checked` : undefined}>`;
  return `<!DOCTYPE html>\n${
    html`<html lang="${language === 'zh' ? 'zh-CN' : 'en'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${title}</title>`
      .markup
  }<style>${STYLE}${CHART_STYLE}</style></head><body>\n${radio('en').markup}${radio('zh').markup}${
    html`<main>${body}</main></body></html>`.markup
  }\n`;
}

export const SWITCH: Html = html`<div class="switch"><label for="lang-en">English</label><label for="lang-zh">中文</label></div>`;

function headOf(run: Run, lasted: number): Html {
  const { state } = run;
  const start = entriesOf(run, 'run-start')[0];
  const end = entriesOf(run, 'run-end').at(-1);
  const [kind, badge] = badgeOf(run);
  return html`<section>${SWITCH}<span class="badge ${kind}">${badge}</span>
<h1>${run.script}${start?.options.command ? ` ${String(start.options.command)}` : ''}</h1>
${state.kind === 'ended' ? html`<p class="${kind}">${state.verdict}</p>` : undefined}${end?.state && html`<p>${end.state}</p>`}
<dl>
${pair({ en: 'began', zh: '开始' }, same(run.started ?? '-'))}
${pair({ en: 'took', zh: '用时' }, same(seconds(lasted)))}
${pair({ en: 'by', zh: '执行者' }, same(`${run.user ?? '-'}${start?.host ? ` @ ${start.host}` : ''}`))}
${pair({ en: 'command', zh: '命令' }, html`<code>${typed({ script: run.script, args: start?.args ?? [] })}</code>`)}
</dl></section>`;
}

function badgeOf(run: Run): readonly ['good' | 'bad' | 'warn', Text] {
  const { state } = run;
  if (state.kind === 'running') return ['warn', { en: 'running', zh: '运行中' }];
  if (state.kind === 'died') return ['bad', { en: 'died half-way', zh: '中途异常终止' }];
  const { exitCode } = state;
  const found = entriesOf(run, 'run-end').at(-1)?.found;
  const meaning = found ? FOUND : (ENDS[exitCode] ?? { en: 'failed', zh: '失败' });
  const text = { en: `${meaning.en} (${exitCode})`, zh: `${meaning.zh} (${exitCode})` };
  return [exitCode === 0 ? 'good' : !found && (exitCode === 1 || exitCode === 6) ? 'bad' : 'warn', text];
}

const FOUND: Text = { en: 'found something', zh: '发现问题' };

/** README, "Exit codes". */
const ENDS: Readonly<Record<number, Text>> = {
  0: { en: 'done and proved', zh: '完成并已验证' },
  1: { en: 'failed; as before', zh: '失败, 已恢复原状' },
  2: { en: 'bad usage; nothing changed', zh: '用法错误, 未做改动' },
  3: { en: 'precondition not met; nothing changed', zh: '前置条件不满足, 未做改动' },
  4: { en: 'declined; nothing changed', zh: '已取消, 未做改动' },
  5: { en: 'another run was under way', zh: '有其他运行正在进行' },
  6: { en: 'failed; needs a person', zh: '失败, 需人工处理' },
  130: { en: 'interrupted; undone', zh: '被中断, 已撤销' },
  143: { en: 'interrupted; undone', zh: '被中断, 已撤销' },
};

const card = (title: Text, inside: Html): Html => html`<section><h2>${title}</h2>${inside}</section>\n`;
const pair = (name: Text, value: Text | Html): Html => html`<dt>${name}</dt><dd>${value}</dd>`;
const rowsOf = (rows: readonly Row[]): Html => html`<dl>${rows.map(([name, value]) => pair(name, value))}</dl>`;
const begins = (steps: readonly StepTold[]) => steps.flatMap((s) => (s.began === undefined ? [] : [s.began]));

function stepOf({ title, began, took, outcome, says }: StepTold, lasted: number): Html {
  const share = (ms: number) => `${Math.round((ms / Math.max(lasted, 1)) * 1000) / 10}%`;
  const [kind, word] = OUTCOMES[outcome];
  const bar =
    began === undefined
      ? undefined
      : html`<div class="track"><i class="${kind}" style="left: ${share(began)}; width: ${share(took)}"></i></div>`;
  return html`<li><div class="row"><span>${title}</span><span class="${kind}">${word}${began === undefined ? '' : ` ${seconds(took)}`}</span></div>${bar}${says && html`<p class="soft">${says}</p>`}</li>`;
}

const OUTCOMES: Readonly<Record<StepTold['outcome'], readonly [kind: string, word: Text]>> = {
  done: ['good', { en: 'done', zh: '完成' }],
  failed: ['bad', { en: 'failed', zh: '失败' }],
  undone: ['warn', { en: 'undone', zh: '已撤销' }],
  'undo-failed': ['bad', { en: 'could not be undone', zh: '撤销失败' }],
  'under-way': ['warn', { en: 'did not end', zh: '未结束' }],
  'not-begun': ['soft', { en: 'did not begin', zh: '未开始' }],
};

const NOT_MEASURED: Text = { en: 'No requests were measured in this run.', zh: '本次运行没有测量请求.' };

const TABLES: Readonly<Record<string, Text>> = {
  facts: { en: 'What was there before', zh: '运行前的状态' },
  losses: { en: 'What was given up', zh: '放弃的内容' },
  adopted: { en: 'What was taken over', zh: '接管的内容' },
};

function remarksOf(run: Run): Html | undefined {
  const remarks = entriesOf(run, 'remark');
  const mark = { info: '·', ok: '✓', warning: '!' } as const;
  const kind = { info: 'soft', ok: 'good', warning: 'warn' } as const;
  if (remarks.length === 0) return undefined;
  return card(
    { en: 'What was said on the way', zh: '过程说明' },
    html`<ul>${remarks.map((r) => html`<li class="${kind[r.level]}">${mark[r.level]} ${r.says}</li>`)}</ul>`,
  );
}

/** A command that a person can type, as the run wrote it down. */
function wayBackOf(run: Run): Html | undefined {
  const written = backOf(run);
  const back = written && isOurs(written) ? written : undefined;
  const consents = entriesOf(run, 'consent').flatMap((c) => c.things);
  const agreed =
    consents.length > 0
      ? html`<h3>${{ en: 'Agreed to', zh: '已确认' }}</h3><ul>${consents.map((thing) => html`<li>${thing}</li>`)}</ul>`
      : undefined;
  if (back === undefined && agreed === undefined) return undefined;
  return card(
    { en: 'The way back', zh: '回退方式' },
    html`${back && html`<p><code>${typed(back)}</code></p>`}${agreed}`,
  );
}

function versionsOf(run: Run): Html {
  const start = entriesOf(run, 'run-start')[0];
  return card(
    { en: 'Versions and files', zh: '版本与文件' },
    html`<dl>${pair(same('whalefall-ops'), same(start?.version ?? '-'))}${pair({ en: 'run', zh: '运行' }, same(run.name))}${pair(
      { en: 'full output', zh: '全部输出' },
      html`<code>${typed({ script: 'runs', args: ['follow', run.name] })}</code>`,
    )}</dl>`,
  );
}
