import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type JournalEvent, openJournal } from '../../lib/core/journal.ts';
import { same } from '../../lib/core/text.ts';
import { RequestRecord } from '../../lib/domain/ledger/requests.ts';

/** What would be markup, if it were not escaped; with a word that is longer than a phone is wide. */
export const HOSTILE = `<script>boom()</script><img src=x onerror=boom()>"'&\u202e${'w'.repeat(200)}`;

const START = Date.parse('2026-11-28T14:00:00Z');
const text = (en: string, zh: string) => ({ en, zh });

interface Written {
  readonly state: string;
  readonly name: string;
}

/** A state directory with one run in it: an update that failed and was taken back, with two probes, or one that went well. */
export function writtenRun(outcome: 'failed' | 'done' = 'failed', seconds = 30): Written {
  const state = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-report-'));
  onTestFinished(() => rmSync(state, { recursive: true, force: true }));
  return { state, name: writeRun(state, outcome, seconds) };
}

/** @returns the run's name */
export function writeRun(state: string, outcome: 'failed' | 'done', lasts: number): string {
  const name = '20261128T140000Z-update-prod-flask';
  const run = path.join(state, 'runs', name);
  mkdirSync(run, { recursive: true, mode: 0o700 });
  let now = START;
  const journal = openJournal(path.join(run, 'journal'), () => now);
  const at = (share: number, event: JournalEvent) => {
    now = START + share * lasts * 1_000;
    journal.write(event);
  };
  at(0, {
    event: 'run-start',
    script: 'update-prod-flask',
    version: '0.1.0',
    pid: 1,
    user: 'deploy',
    host: 'web-1',
    options: {},
    args: ['--ref=origin/main'],
  });
  at(0.02, {
    event: 'table',
    id: 'facts',
    rows: [
      [text('runs now', '当前运行'), same('d305cd9f04 First release')],
      [text('would run', '将要运行'), same(`16048569fa ${HOSTILE}`)],
      [text('last drill', '上次演练'), text('2 d ago: recovered in 13 s', '2 天前: 恢复成功, 用时 13 秒')],
    ],
  });
  at(0.02, { event: 'remark', level: 'warning', says: text('local change: notes.txt', '本地修改: notes.txt') });
  at(0.03, {
    event: 'plan',
    steps: ['stage', 'backup', 'migrate', 'switch', 'restart'],
    titles: [
      text('Stage the release beside the one that runs', '将新版本暂存在运行版本旁'),
      text('Back up the database, and prove it', '备份数据库并验证'),
      text('Migrate the schema to the newest revision', '将数据库结构升级到最新版本'),
      text('Switch the files', '切换文件'),
      text('Replace the workers one by one', '逐个替换 worker'),
    ],
    back: { script: 'rollback-prod', args: ['d305cd9f04'] },
  });
  const step = (id: string, from: number, to: number, says: { en: string; zh: string }) => {
    at(from, { event: 'step-start', step: id });
    at(to, { event: 'step-done', step: id, milliseconds: (to - from) * lasts * 1_000, evidence: says.en, says });
  };
  step('stage', 0.04, 0.15, text('1,703 files', '1,703 个文件'));
  step(
    'backup',
    0.15,
    0.5,
    text('44 tables, 1,412,003 rows, restored and compared', '44 张表, 1,412,003 行, 已恢复并比对'),
  );
  step('migrate', 0.5, 0.58, text('2 migrations', '2 个迁移'));
  step('switch', 0.58, 0.6, text('12 put, 1 removed', '写入 12 个, 删除 1 个'));
  at(0.6, { event: 'step-start', step: 'restart' });
  if (outcome === 'done')
    at(0.95, {
      event: 'step-done',
      step: 'restart',
      milliseconds: 0.35 * lasts * 1_000,
      evidence: '2 workers',
      says: text('2 workers', '2 个 worker'),
    });
  else {
    at(0.8, { event: 'step-failed', step: 'restart', error: HOSTILE, says: same(HOSTILE) });
    at(0.81, { event: 'undo-start', step: 'switch' });
    at(0.9, { event: 'undo-done', step: 'switch' });
  }
  requestsOf(run, lasts, outcome === 'failed');
  if (outcome === 'done') {
    at(0.97, {
      event: 'table',
      id: 'summary',
      rows: [
        [text('new release', '新版本'), same('16048569fa Second release')],
        [text('requests', '请求'), text('nginx 0 of 300 requests failed', 'nginx 请求失败 0/300')],
        [text('backup', '备份'), same('/opt/whalefall/.whalefall-ops/backups/20261128T140005Z-before-update')],
      ],
    });
    at(0.98, {
      event: 'remark',
      level: 'ok',
      says: text('Updated and proved: 16048569fa', '更新完成并已验证: 16048569fa'),
    });
  }
  at(1, {
    event: 'run-end',
    exitCode: outcome === 'done' ? 0 : 1,
    verdict: outcome === 'done' ? 'updated' : HOSTILE,
    says:
      outcome === 'done'
        ? text('updated d305cd9f04 to 16048569fa', '已从 d305cd9f04 更新到 16048569fa')
        : same(HOSTILE),
    ...(outcome === 'failed' && {
      state: text('The former release serves; that is proved.', '之前的版本正在服务, 已验证.'),
      next: [text('npx tsx scripts/doctor.ts', 'npx tsx scripts/doctor.ts')],
    }),
  });
  journal.close();
  return name;
}

/** 10 a second by each of two ways; while workers are replaced some wait, and of a bad release some fail. */
function requestsOf(run: string, lasts: number, fails: boolean): void {
  let now = 0;
  const record = new RequestRecord({ monotonic: () => now }, run);
  for (let i = 0; i < lasts * 10; i += 1) {
    for (const port of [80, 5001]) {
      const began = (i / 10) * 1_000;
      now = began;
      const answered = record.sent(`http://127.0.0.1:${port}/api/v1/health/basic`);
      const share = i / (lasts * 10);
      const hard = share > 0.62 && share < 0.8;
      now = began + (hard ? 900 + ((i * 37) % 800) : 6 + ((i * 13) % 17));
      answered(!(fails && hard && i % 3 === 0));
    }
  }
  record.flush();
}
