import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRun } from '../../lib/domain/ledger/runs.ts';
import { writeIndex, writeReport } from '../../lib/runs/report/write.ts';
import { Chromium } from '../support/chromium.ts';
import { writeRun } from '../support/report-run.ts';
import { runScript } from '../support/run-script.ts';
import { sharedStack } from './shared.ts';
import { itInFull } from './thorough.ts';

// Reports, opened in a browser: of a real run, and of one in which everything foreign is hostile.
let chromium: Chromium;
let state: string;

/** From the distribution, as the sandbox has its engine. */
function installChromium(): void {
  if (spawnSync('chromium', ['--version']).status === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update'],
    ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', 'chromium'],
  ]) {
    const { status, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`apt-get ${args.join(' ')}: ${stderr}`);
  }
}

beforeAll(() => {
  installChromium();
  chromium = new Chromium();
  state = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-report-'));
});
afterAll(async () => {
  await chromium?.close();
  if (state) rmSync(state, { recursive: true, force: true });
});

const VIEWS = [
  { width: 360, dark: false },
  { width: 360, dark: true },
  { width: 1200, dark: false },
  { width: 1200, dark: true },
] as const;

/** Opens a page in all views. */
async function look(file: string) {
  const grounds = new Set<string>();
  for (const view of VIEWS) {
    const seen = await chromium.open(`file://${file}`, view);
    expect([seen.errors, seen.requests], 'nothing fails, and nothing is asked for').toEqual([[], []]);
    expect(seen.contentWidth, `no scrolling sideways at ${view.width}`).toBeLessThanOrEqual(view.width);
    grounds.add(`${view.dark}: ${seen.background}`);
  }
  expect([...grounds], 'light and dark').toHaveLength(2);
  const [zh, en] = [
    await chromium.open(`file://${file}`, VIEWS[0], '#lang-zh'),
    await chromium.open(`file://${file}`, VIEWS[0], '#lang-en'),
  ];
  return { zh: zh.text, en: en.text };
}

it('of a failed run, with markup in all that is foreign, is only text', async () => {
  const name = writeRun(state, 'failed', 30);
  const { zh, en } = await look(await writeReport({ state }, name, 'zh'));
  expect(en).toContain('failed; as before (1)');
  expect(en).toContain('<script>boom()</script><img src=x onerror=boom()>');
  expect(zh).toContain('失败, 已恢复原状 (1)');
  expect(zh).not.toContain('What visitors noticed');
  const index = await look(await writeIndex({ state }, [readRun({ state }, name)], 'zh'));
  expect(index.en).toContain('how it ended');
});

itInFull('of a real backup is beside its journal when it ends, and is written again', async () => {
  const stack = await sharedStack();
  const options = ['--dir', stack.sandbox.deployDir, '--config', stack.config];
  const { exitCode, text } = await runScript('backup-prod', ['create', '--lock-wait', '60s', ...options]);
  expect(exitCode, text).toBe(0);
  const runs = path.join(stack.state, 'runs');
  const newest =
    readdirSync(runs)
      .filter((name) => name.endsWith('-backup-prod'))
      .sort()
      .at(-1) ?? '';
  const { zh, en } = await look(path.join(runs, newest, 'report.html'));
  expect(en).toMatch(/done and proved \(0\)[\s\S]*restored and compared[\s\S]*restore-prod\.ts/);
  expect(zh).toMatch(/完成并已验证 \(0\)[\s\S]*已恢复并比对/);
  rmSync(path.join(runs, newest, 'report.html'));
  const again = await runScript('runs', ['report', newest, ...options]);
  expect(again.text).toContain(path.join(runs, newest, 'report.html'));
  const list = await runScript('runs', ['list', '--html', '--limit', '3', ...options]);
  expect(list.exitCode, list.text).toBe(0);
  expect((await look(path.join(runs, 'index.html'))).en).toContain('backup-prod');
});
