import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kindOf, messageOf } from '../../../../lib/domain/alerts/event.ts';
import { metricsText, writeMetrics } from '../../../../lib/domain/alerts/metrics.ts';
import {
  type Ended,
  type Outcome,
  outcomeAfter,
  readOutcome,
  readOutcomes,
  recordOutcome,
} from '../../../../lib/domain/alerts/outcomes.ts';

function directory(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-outcomes-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const ended = (exitCode: number, more: Partial<Ended> = {}): Ended => ({
  at: '2026-01-02T03:04:05.000Z',
  exitCode,
  run: null,
  took: 65_000,
  requests: null,
  bytes: null,
  ...more,
});
const BACKUP = { subject: 'backup-prod create', watched: 'backup' } as const;

/** What is written down after some runs, and what kind each was. */
function endings(...runs: readonly (readonly [exitCode: number, watching: boolean])[]) {
  let outcome: Outcome | undefined;
  const kinds = runs.map(([exitCode, watching]) => {
    const kind = kindOf(exitCode, watching, outcome);
    outcome = outcomeAfter(outcome, BACKUP, ended(exitCode), kind !== 'refused');
    return kind;
  });
  return { kinds, outcome };
}

describe('how runs end', () => {
  it('is a failure, another, and a recovery once', () => {
    const { kinds, outcome } = endings([0, false], [1, false], [5, false], [0, false], [0, false]);
    expect(kinds).toEqual(['succeeded', 'failed', 'failed', 'recovered', 'succeeded']);
    expect(outcome).toMatchObject({ failures: 0, success: { exitCode: 0 }, watched: 'backup' });
  });

  it.each([2, 3, 4, 5, 130])(
    'is no news with %i for whoever sits at the terminal, and a failure for cron',
    (exitCode) => {
      expect(endings([exitCode, true], [0, true]).kinds).toEqual(['refused', 'succeeded']);
      expect(endings([exitCode, false], [0, false]).kinds).toEqual(['failed', 'recovered']);
    },
  );

  it.each([1, 6, 143])('is a failure with %i for everybody', (exitCode) => {
    expect(endings([exitCode, true]).kinds).toEqual(['failed']);
  });

  it('keeps the last success through failures', () => {
    const { outcome } = endings([0, false], [1, false], [1, false]);
    expect(outcome).toMatchObject({ failures: 2, last: { exitCode: 1 }, success: { exitCode: 0 } });
  });

  it('is kept for each script, and what is damaged is passed over', async () => {
    const state = directory();
    expect(readOutcomes({ state })).toEqual([]);
    const one = outcomeAfter(undefined, BACKUP, ended(0), true);
    const two = outcomeAfter(undefined, { subject: '../../evil', watched: undefined }, ended(1), true);
    for (const outcome of [one, two]) await recordOutcome({ state }, outcome);
    expect(readOutcome({ state }, BACKUP.subject)).toEqual(one);
    expect(readdirSync(state)).toEqual(['outcomes']);
    writeFileSync(path.join(state, 'outcomes', 'torn.json'), '{"version":1,');
    expect(
      readOutcomes({ state })
        .map((o) => o.subject)
        .sort(),
    ).toEqual(['../../evil', BACKUP.subject]);
  });
});

it('tells people what happened, where, and what to type', () => {
  const { title, text } = messageOf(
    {
      kind: 'failed',
      subject: 'update-prod-flask',
      host: 'web-1',
      stack: 'whalefall',
      dir: '/opt/whalefall',
      ended: ended(6, { requests: { sent: 400, failed: 12, longest: 3_000, downtime: 2_400 } }),
      what: { en: 'the new workers do not boot', zh: '新 worker 无法启动' },
      state: { en: 'as before', zh: '一切如前' },
      next: [{ en: 'ops runs show', zh: 'ops runs show' }],
    },
    'zh',
  );
  expect(title).toBe('[失败] update-prod-flask · whalefall @ web-1');
  expect(text.split('\n')).toEqual([
    '新 worker 无法启动',
    '一切如前',
    '2026-01-02T03:04:05.000Z, 退出码 6, 用时 1 min 05 s',
    '请求失败 12/400; 生产中断 2.4 s',
    '主机 web-1, 项目 whalefall, /opt/whalefall',
    '→ ops runs show',
  ]);
});

describe('metrics', () => {
  const good = outcomeAfter(undefined, BACKUP, ended(0, { bytes: 4_096 }), true);
  const bad = outcomeAfter(
    good,
    BACKUP,
    ended(1, {
      at: '2026-01-03T03:04:05.000Z',
      took: 1_500,
      requests: { sent: 10, failed: 2, longest: 900, downtime: 700 },
    }),
    true,
  );

  it('have the last success, duration, size, requests and downtime of each script', () => {
    const text = metricsText([bad], '/opt/a "b"\\c');
    const labels = '{script="backup-prod",command="create",directory="/opt/a \\"b\\"\\\\c"}';
    expect(text.split('\n').filter((row) => !row.startsWith('#'))).toEqual([
      `whalefall_ops_last_run_timestamp_seconds${labels} 1767409445`,
      `whalefall_ops_last_success_timestamp_seconds${labels} 1767323045`,
      `whalefall_ops_last_exit_code${labels} 1`,
      `whalefall_ops_failures${labels} 1`,
      `whalefall_ops_duration_seconds${labels} 1.5`,
      `whalefall_ops_size_bytes${labels} 4096`,
      `whalefall_ops_requests${labels} 10`,
      `whalefall_ops_requests_failed${labels} 2`,
      `whalefall_ops_downtime_seconds${labels} 0.7`,
      '',
    ]);
    // As the format wants it: HELP and TYPE once for a name, directly before its values.
    for (const [, name] of text.matchAll(/^# HELP (\S+)/gm))
      expect(text).toMatch(new RegExp(`^# HELP ${name} .+\\n# TYPE ${name} gauge\\n${name}\\{`, 'm'));
  });

  it('have nothing of what was not measured', () => {
    const never = outcomeAfter(undefined, { subject: 'rehearse', watched: 'drill' }, ended(3), true);
    expect(metricsText([never], '/d')).not.toMatch(/_success|_size|_requests|_downtime|NaN|null|undefined/);
    expect(metricsText([], '/d')).toBe('');
  });

  it('are put in the place of the former ones, for other users to read', async () => {
    const dir = directory();
    const file = path.join(dir, 'whalefall.prom');
    writeFileSync(file, 'former\n', { mode: 0o600 });
    await writeMetrics(file, [good], '/d');
    expect(readFileSync(file, 'utf8')).toBe(metricsText([good], '/d'));
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(readdirSync(dir), 'nothing is left beside it').toEqual(['whalefall.prom']);
  });
});
