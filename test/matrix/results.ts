import type { Language } from '../sandbox/run.ts';
import { SURROUNDINGS } from './surroundings.ts';

/** What a case of the acceptance came to. */
export interface Outcome {
  readonly seconds: number;
  /** Why it failed, in one line; undefined when all was as promised. */
  readonly failure?: string;
}

/** When it came to that: a date, UTC. */
export interface Case extends Outcome {
  readonly date: string;
}

/** What came out in one surrounding. */
export interface Result {
  /** Those that all cases were run with. */
  readonly versions: Readonly<Record<string, string>>;
  /** By title. */
  readonly cases: Readonly<Record<string, Case>>;
}

/** A surrounding that was installed once more. What was run there with other versions says nothing about these. */
export function installed(before: Result, versions: Result['versions'], ran: readonly string[]): Result {
  const names = Object.keys({ ...before.versions, ...versions });
  if (names.every((name) => before.versions[name] === versions[name])) return before;
  const cases = Object.entries(before.cases).filter(([title]) => ran.includes(title));
  return { versions, cases: Object.fromEntries(cases) };
}

/** By the surrounding's name. */
export type Results = Readonly<Record<string, Result>>;

export const RESULTS = 'test/matrix/results.json';
export const FILES = { en: 'docs/compatibility.md', zh: 'docs/compatibility.zh-CN.md' } as const;

/** The rows of the table: a case's title, or what several begin with. */
const ROWS: readonly (readonly [title: string, zh: string])[] = [
  ['install', '全新安装'],
  ['rebuild, data kept', '重建, 保留数据'],
  ['rebuild, data deleted', '重建, 删除数据'],
  ['pg_hba.conf that lets everybody in, closed', '关闭对所有人放行的 pg_hba.conf'],
  ['hot update', '热更新'],
  ['hot update with a migration', '带迁移的热更新'],
  ['hot update with --bake', '热更新并 --bake'],
  ['rebuild, data kept, after --bake', '--bake 之后重建, 保留数据'],
  ['rollback, hot', '热回退'],
  ['rollback, by image', '按镜像回退'],
  ['backup, and verify', '备份并校验'],
  ['restore, and back', '恢复, 再换回'],
  ['drill', '灾备演练'],
  ['update: ', '以有缺陷的版本热更新'],
  ['rebuild: ', '以有缺陷的版本重建'],
  ['SIGKILL in the outage, and the next start', '中断期间被 SIGKILL, 再次启动'],
  ['down leaves nothing', '清除后无残留'],
];
const ROW_TITLES: Readonly<Record<string, string>> = {
  'update: ': 'hot update to a broken release, each kind',
  'rebuild: ': 'rebuild to a broken release, each kind',
};

const TEXTS = {
  en: {
    title: '# Compatibility: what was run where',
    other: '[中文](compatibility.zh-CN.md)',
    intro: `Written by \`npm run matrix\` (\`-- --only c\` for one surrounding, \`-- --list\` for their names); each cell was run once within the dates of its column,
with the versions there: the scripts as processes, under load, 50 requests a second, none of which may be lost where they can be held. A number is the seconds
that it took on two cores that others used as well.`,
    surroundings: '## Surroundings',
    versions: '## Versions',
    acceptance: '## Acceptance',
    failures: '## What failed',
    nothing: 'Nothing of what was run.',
    date: 'run on',
    dates: (first: string, last: string) => `${first} to ${last}`,
    case: 'case',
    failed: 'failed',
    whole: (date: string) => `Every case was run in every surrounding, the first of them on ${date}.`,
    not: (blank: number) => `Not whole: ${blank} cells are blank, which means that they were not run.`,
  },
  zh: {
    title: '# 兼容性: 在何处验证过什么',
    other: '[English](compatibility.md)',
    intro: `由 \`npm run matrix\` 生成 (\`-- --only c\` 只测一种环境, \`-- --list\` 列出名称). 每一格都在该列的日期范围内, 以该列的版本实际运行过: 脚本作为独立进程执行, 期间每秒 50 个请求,
在可以暂存请求时一个都不允许丢失. 数字为耗时 (秒), 测试机双核且同时有其他负载.`,
    surroundings: '## 环境',
    versions: '## 版本',
    acceptance: '## 验收',
    failures: '## 未通过的项目',
    nothing: '已运行的项目中无.',
    date: '运行日期',
    dates: (first: string, last: string) => `${first} 至 ${last}`,
    case: '项目',
    failed: '未通过',
    whole: (date: string) => `所有项目均已在所有环境中运行, 最早一次在 ${date}.`,
    not: (blank: number) => `尚不完整: ${blank} 格为空, 表示未运行.`,
  },
} as const;

/** docs/compatibility.md in a language. */
export function documentOf(results: Results, language: Language): string {
  const text = TEXTS[language];
  const blank = SURROUNDINGS.flatMap(({ name }) =>
    ROWS.filter(([title]) => cell(results[name]?.cases ?? {}, title, text.failed) === ''),
  ).length;
  const dates = ({ cases }: Pick<Result, 'cases'>) =>
    Object.values(cases)
      .map(({ date }) => date)
      .sort();
  const [first = ''] = Object.values(results).flatMap(dates).sort();
  const run = SURROUNDINGS.filter(({ name }) => results[name] !== undefined);
  const letters = run.map(({ name }) => `**${name[0]}**`);
  const of = run.map(({ name }) => results[name] as Result);
  const names = [...new Set(of.flatMap(({ versions }) => Object.keys(versions)))];
  const acceptance = ROWS.map(([title, zh]) => {
    const shown = language === 'zh' ? zh : (ROW_TITLES[title] ?? title);
    return [shown, ...of.map(({ cases }) => cell(cases, title, text.failed))];
  });
  const failures = run.flatMap(({ name }) =>
    Object.entries(results[name]?.cases ?? {}).flatMap(([title, { failure }]) =>
      failure === undefined ? [] : [`- **${name[0]}** ${title}: \`${failure.replaceAll('`', "'")}\``],
    ),
  );
  return [
    text.title,
    text.other,
    text.intro,
    blank === 0 ? text.whole(first) : text.not(blank),
    text.surroundings,
    SURROUNDINGS.map(({ name, title }) => `- **${name[0]}** \`${name}\`: ${title[language]}`).join('\n'),
    text.versions,
    table(
      ['', ...letters],
      [
        [text.date, ...of.map((result) => range(dates(result), text.dates))],
        ...names.map((name) => [name, ...of.map(({ versions }) => versions[name] ?? '')]),
      ],
    ),
    text.acceptance,
    table([text.case, ...letters], acceptance),
    text.failures,
    failures.length === 0 ? text.nothing : failures.join('\n'),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

function range(dates: readonly string[], text: (first: string, last: string) => string): string {
  const [first = '', last = ''] = [dates[0], dates.at(-1)];
  return first === last ? first : text(first, last);
}

/** Seconds when all that the row stands for is as promised. */
function cell(cases: Result['cases'], row: string, failed: string): string {
  const found = Object.entries(cases).filter(([title]) => (row.endsWith(': ') ? title.startsWith(row) : title === row));
  if (found.length === 0) return '';
  const broken = found.filter(([, { failure }]) => failure !== undefined);
  const seconds = found.reduce((sum, [, one]) => sum + one.seconds, 0);
  const many = found.length > 1;
  if (broken.length === 0) return many ? `${found.length} × ok, ${seconds}` : `ok ${seconds}`;
  return many ? `${broken.length}/${found.length} **${failed}**` : `**${failed}**`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
