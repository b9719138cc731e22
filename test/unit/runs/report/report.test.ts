import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRequests } from '../../../../lib/domain/ledger/requests.ts';
import { readRun } from '../../../../lib/domain/ledger/runs.ts';
import { chartOf } from '../../../../lib/runs/report/chart.ts';
import { html } from '../../../../lib/runs/report/html.ts';
import { pageOf } from '../../../../lib/runs/report/page.ts';
import { stepsTold } from '../../../../lib/runs/report/steps.ts';
import { writeIndex, writeReport } from '../../../../lib/runs/report/write.ts';
import { HOSTILE, writtenRun } from '../../../support/report-run.ts';

const page = (outcome: 'failed' | 'done', language: 'en' | 'zh' = 'en') => {
  const { state, name } = writtenRun(outcome);
  const run = readRun({ state }, name);
  return pageOf(run, readRequests(run.dir), language);
};
/** What a reader of one language sees, roughly. */
const seen = (markup: string, language: 'en' | 'zh') =>
  markup
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(new RegExp(`<span lang="${language === 'en' ? 'zh' : 'en'}">[^<]*</span>`, 'g'), '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

it('says what was done and why, its steps with their evidence, versions, backup and the way back, in both languages', () => {
  const markup = page('done');
  for (const [language, words] of [
    [
      'en',
      [
        'done and proved (0)',
        'updated d305cd9f04 to 16048569fa',
        'deploy @ web-1',
        'update-prod-flask.ts --ref=origin/main',
        'Back up the database, and prove it',
        '44 tables, 1,412,003 rows',
        'What was there before',
        'First release',
        'backups/20261128T140005Z-before-update',
        'rollback-prod.ts d305cd9f04',
        'whalefall-ops 0.1.0',
      ],
    ],
    [
      'zh',
      [
        '完成并已验证 (0)',
        '已从 d305cd9f04 更新到 16048569fa',
        '备份数据库并验证',
        '44 张表, 1,412,003 行',
        '运行前的状态',
        'rollback-prod.ts d305cd9f04',
        '! 本地修改: notes.txt',
      ],
    ],
  ] as const)
    for (const word of words) expect(seen(markup, language)).toContain(word);
  expect(seen(markup, 'en').replaceAll('中文', '')).not.toMatch(/[\u4e00-\u9fff]/);
});

it('says of a failure what happened, in what state things are, what to type, and which steps were taken back', () => {
  const said = seen(page('failed'), 'en');
  for (const word of [
    'failed; as before (1)',
    'The former release serves; that is proved.',
    'scripts/doctor.ts',
    'undone',
    'failed 6.0 s',
  ])
    expect(said).toContain(word);
  expect(said).toMatch(/300 requests, 17 failed; .* nobody was answered for/);
});

it('begins in the language of whoever ran it', () => {
  expect(page('done', 'zh')).toContain('id="lang-zh" checked');
  expect(page('done', 'en')).toContain('id="lang-en" checked');
});

it('is one file that asks for nothing and runs nothing', () => {
  for (const outcome of ['failed', 'done'] as const) {
    const markup = page(outcome);
    expect(markup).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\son\w+=(?!boom)/i);
    expect(markup).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(markup.match(/https?:\/\/[^\s<"]+/g)?.every((url) => url.startsWith('http://127.0.0.1'))).toBe(true);
  }
});

it('escapes whatever comes from elsewhere, and makes the unseen visible', () => {
  const markup = page('failed');
  expect(markup).not.toContain('<script>boom');
  expect(markup).not.toContain('<img src=x');
  expect(markup).not.toContain('\u202e');
  expect(markup).toContain(
    '&lt;script&gt;boom()&lt;/script&gt;&lt;img src=x onerror=boom()&gt;&quot;&#39;&amp;\\x202e',
  );
  expect(html`<a href="${HOSTILE}">${{ en: '<b>', zh: '&' }}</a>`.markup).toMatch(
    /^<a href="&lt;script[^"<>]*"><span lang="en">&lt;b&gt;<\/span><span lang="zh">&amp;<\/span><\/a>$/,
  );
});

describe('steps', () => {
  it('have their time and outcome', () => {
    const { state, name } = writtenRun('failed', 100);
    expect(
      stepsTold(readRun({ state }, name)).map(({ id, began, took, outcome }) => [id, began, Math.round(took), outcome]),
    ).toEqual([
      ['stage', 4_000, 11_000, 'done'],
      ['backup', 15_000, 35_000, 'done'],
      ['migrate', 50_000, 8_000, 'done'],
      ['switch', 58_000, 2_000, 'undone'],
      ['restart', 60_000, 20_000, 'failed'],
    ]);
  });

  it('of a run that died are told as far as it came', () => {
    const { state, name } = writtenRun('done', 100);
    const journal = path.join(state, 'runs', name, 'journal');
    const lines = readFileSync(journal, 'utf8').split('\n');
    const at = lines.findIndex((line) => line.includes('"step-start","step":"migrate"'));
    writeFileSync(journal, `${lines.slice(0, at + 1).join('\n')}\n{"torn`);
    const run = readRun({ state }, name);
    expect(stepsTold(run).map((s) => s.outcome)).toEqual(['done', 'done', 'under-way', 'not-begun', 'not-begun']);
    expect(seen(pageOf(run, [], 'en'), 'en')).toContain('died half-way');
  });

  it('of an older version’s journal, which has neither titles nor both languages, are told all the same', () => {
    const { state, name } = writtenRun('done', 100);
    const journal = path.join(state, 'runs', name, 'journal');
    const older = readFileSync(journal, 'utf8')
      .replace(/,"(titles|says)":(\[[^\]]*\]|\{[^}]*\})/g, '')
      .replace(/^.*"event":"(table|remark)".*\n/gm, '');
    writeFileSync(journal, older);
    const run = readRun({ state }, name);
    expect(run.torn).toBe(false);
    expect(stepsTold(run)[1]).toMatchObject({
      id: 'backup',
      title: { en: 'backup' },
      says: { en: expect.stringContaining('44 tables') },
    });
    expect(seen(pageOf(run, [], 'zh'), 'zh')).toContain('本次运行没有测量请求');
  });
});

describe('the chart', () => {
  const rects = (markup: string, kind: 'l' | 'f') =>
    [
      ...markup.matchAll(
        new RegExp(`<rect class="${kind}" x="([\\d.]+)" y="([\\d.]+)" width="[\\d.]+" height="([\\d.]+)"`, 'g'),
      ),
    ].map(([, x, y, h]) => ({ x: Number(x), y: Number(y), height: Number(h) }));

  it('has a bar for each moment, as high as the slowest of it, and marks failures where they were', () => {
    const samples = [
      { at: 0, took: 10, well: true },
      { at: 1, took: 100, well: true },
      { at: 500, took: 1_000, well: true },
      { at: 998, took: 5_000, well: false },
    ];
    const { markup } = chartOf({ url: 'http://h/', samples }, 1_000, [250]);
    const [first, second, ...more] = rects(markup, 'l');
    expect([first?.x, second?.x, more]).toEqual([0, 500, []]);
    expect(Number(second?.height), 'ten times as long is one grid line higher').toBeGreaterThan(Number(first?.height));
    expect(rects(markup, 'f')).toEqual([{ x: 996, y: 0, height: 150 }]);
    expect(markup).toContain('d="M250 0V150"');
    expect(markup).toContain('4 requests, 1 failed');
  });

  it('of an hour has as many bars as it has room', () => {
    const samples = Array.from({ length: 72_000 }, (_, i) => ({
      at: i * 50,
      took: 5 + (i % 7),
      well: i % 1_000 !== 0,
    }));
    const { markup } = chartOf({ url: 'http://h/', samples }, 3_600_000, []);
    expect(rects(markup, 'l')).toHaveLength(250);
    expect(markup.length).toBeLessThan(50_000);
    expect(markup).not.toContain('NaN');
  });

  it('of a day has its figures, however many requests there were', () => {
    const samples = Array.from({ length: 600_000 }, (_, i) => ({ at: i * 144, took: i === 9 ? 4_000 : 5, well: true }));
    const { markup } = chartOf({ url: 'http://h/', samples }, 86_400_000, []);
    expect(markup).toContain('longest 4.0 s');
  });

  it.each([[[]], [[{ at: 0, took: 0, well: true }]]])(
    'of next to nothing has no figure that is none: %j',
    (samples) => {
      expect(chartOf({ url: 'http://h/', samples }, 0, [0]).markup).not.toMatch(/NaN|Infinity|undefined/);
    },
  );
});

it('offers no way back that answers a question itself', () => {
  const { state, name } = writtenRun('done');
  const run = readRun({ state }, name);
  const back = { event: 'way-back', script: 'restore-prod', args: ['--confirm=RESTORE shop'] } as const;
  const forged = { ...run, entries: [...run.entries, { seq: 99, at: '2026-01-02T03:04:05.000Z', ...back }] };
  expect(pageOf(forged, [], 'en')).not.toContain('RESTORE shop');
});

it('is written beside the journal for its owner alone, and again', async () => {
  const { state, name } = writtenRun('done');
  const file = await writeReport({ state }, name, 'en');
  expect(file).toBe(path.join(state, 'runs', name, 'report.html'));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const first = readFileSync(file, 'utf8');
  expect(await writeReport({ state }, name, 'en')).toBe(file);
  expect(readFileSync(file, 'utf8')).toBe(first);
});

it('has an index that leads to it', async () => {
  const { state, name } = writtenRun('failed');
  await writeReport({ state }, name, 'en');
  const file = await writeIndex({ state }, [readRun({ state }, name)], 'zh');
  const markup = readFileSync(file, 'utf8');
  expect(markup).toContain(`href="${name}/report.html"`);
  expect(markup).not.toContain('<script>boom');
  // The directory of runs has runs alone in it, whatever else lies there.
  expect(readRun({ state }, name).name).toBe(name);
});

it('leaves out a line of the measurements that a crash has torn', () => {
  const { state, name } = writtenRun('done', 2);
  const run = path.join(state, 'runs', name);
  const before = readRequests(run);
  expect(before.map((w) => [w.url, w.samples.length])).toEqual([
    ['http://127.0.0.1:80/api/v1/health/basic', 20],
    ['http://127.0.0.1:5001/api/v1/health/basic', 20],
  ]);
  appendFileSync(path.join(run, 'requests'), '1 2000 1');
  expect(readRequests(run)).toEqual(before);
  expect(readRequests(path.join(state, 'nothing'))).toEqual([]);
});
