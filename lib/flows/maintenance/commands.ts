import { writeFileSync } from 'node:fs';
import { OpsError } from '../../core/errors.ts';
import type { Invocation } from '../../core/journal.ts';
import type { Beside, Ops } from '../../core/ops.ts';
import { agree } from '../../core/refusal.ts';
import type { Row } from '../../core/screen.ts';
import { limitText, printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { endpointsOf } from '../../domain/app/endpoints.ts';
import { describeHealth, healthCheck } from '../../domain/app/health.ts';
import { readRun } from '../../domain/ledger/runs.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { duration } from '../../runs/command-line/flags.ts';
import { GLANCE_MS } from '../../tools/http/within.ts';
import { isOn } from './keep.ts';
import { findKeeper, findOn, type On, offFile } from './note.ts';
import { survey } from './survey.ts';

const LOOK_EVERY_MS = 200;
/** To a run that keeps it on, so long at most for what is under way to end: the hold's own limit and some. */
const OFF_WITHIN_MS = 60_000;

interface Wanted {
  readonly keeper: Invocation;
  /** As typed: `1h`. */
  readonly lasts: string;
  readonly planOnly: boolean;
}

/** Asks, has the page put up by a run that goes on by itself, and returns once visitors see it. */
export async function turnOn(ops: Ops, { keeper, lasts, planOnly }: Wanted): Promise<Text> {
  const { show } = ops.screen;
  const already = findOn(ops, keeper.script);
  if (already) return said(ops, isOn(already.note.ports, already.note.until));
  const { holds } = await survey(ops, false);
  const ports = [...new Set(holds.ports.map((p) => p.published))].join(', ');
  const limit = limitText(duration(lasts));
  const plan: Text = {
    en: `Visitors of ports ${ports} get a 503 page instead of the application, for ${limit.en} at most.`,
    zh: `访问端口 ${ports} 的用户将看到 503 维护页面, 最长 ${limit.zh}.`,
  };
  show({ event: 'info', text: plan });
  if (planOnly) return ONLY_PLANNED;
  await agree(ops.screen, { en: 'Put the maintenance page up?', zh: '是否启用维护页面?' });
  if (ops.beside === undefined) throw new Error('nothing can be started beside');
  const run = ops.beside(keeper);
  try {
    const on = await putUp(ops, keeper.script, run);
    run.leave();
    const isUp = said(ops, isOn(on.note.ports, on.note.until));
    show({ event: 'info', text: ENDS });
    return isUp;
  } catch (error) {
    await run.end(); // nobody is to get a page that was given up
    throw error;
  }
}

async function putUp(ops: Ops, script: string, run: Beside): Promise<On> {
  for (;;) {
    const ended = await Promise.race([run.ended, ops.clock.sleep(LOOK_EVERY_MS, ops.signal).then(() => undefined)]);
    if (ended) throw cameToNothing(ended.exitCode, ended.text);
    const on = findOn(ops, script);
    if (on) return on;
  }
}

/**
 * Ends the run that has the page on, and asks the application whether it serves.
 *
 * @returns with exit code 1 when the page is off and the application is not healthy.
 */
export async function turnOff(ops: Ops, script: string): Promise<Text & { exitCode?: number }> {
  const { show } = ops.screen;
  const keeper = findKeeper(ops, script);
  if (keeper === undefined) return said(ops, OFF);
  writeFileSync(offFile(keeper.dir), '', { mode: 0o600 });
  const end = ops.clock.monotonic() + OFF_WITHIN_MS;
  for (;;) {
    const { state } = readRun(ops.paths, keeper.name);
    if (state.kind !== 'running') break;
    if (ops.clock.monotonic() > end) throw goesOn(keeper.name);
    await ops.clock.sleep(LOOK_EVERY_MS, ops.signal);
  }
  const { app } = await findContainers(ops, await resolveStack(ops));
  said(ops, OFF);
  const up = app?.state === 'running' ? app : undefined;
  const health = up && (await healthCheck(ops, endpointsOf(ops.target, up), { timeoutMs: GLANCE_MS }));
  const text = health ? describeHealth(health) : app ? notUp(app.state) : NO_CONTAINER;
  if (health?.healthy) return said(ops, text);
  show({ event: 'error', text });
  return { ...text, exitCode: 1 };
}

/** Shown, and the verdict. */
function said(ops: Ops, text: Text): Text {
  ops.screen.show({ event: 'ok', text });
  return text;
}

const NO_CONTAINER: Text = { en: 'The application has no container.', zh: '应用没有容器.' };

const notUp = (state: string): Text => ({
  en: `The application does not run (${state}).`,
  zh: `应用未在运行 (${state}).`,
});

const ENDS: Text = {
  en: 'No other script that changes anything can start meanwhile. To end it: npx tsx scripts/maintenance.ts off',
  zh: '期间其他会做改动的脚本无法启动. 结束维护: npx tsx scripts/maintenance.ts off',
};

/** It said itself why. */
const cameToNothing = (exitCode: number, text: string) =>
  new OpsError({
    kind: 'failed',
    exitCode: exitCode || 1,
    what: {
      en: `The maintenance page could not be put up:\n${printable(text.trim())}`,
      zh: `未能启用维护页面:\n${printable(text.trim())}`,
    },
    state: { en: 'Visitors reach the application as before.', zh: '访问者仍直接访问应用.' },
  });

const goesOn = (name: string) =>
  new OpsError({
    kind: 'failed',
    what: { en: `Run ${name} is not ending.`, zh: `运行 ${name} 未能结束.` },
    state: {
      en: 'The page may still be on; it ends by itself some seconds after that process is killed.',
      zh: '页面可能仍在启用; 终止该进程后数秒内会自动失效.',
    },
    next: [same(`npx tsx scripts/runs.ts show ${name}`)],
  });

export const OFF: Text = { en: 'The maintenance page is off.', zh: '维护页面未启用.' };

/** How it stands; looks only at what the run that has it on writes down. */
export function showStatus(ops: Ops, script: string): Text {
  const on = findOn(ops, script);
  const text: Text = on ? { en: 'The maintenance page is on.', zh: '维护页面已启用.' } : OFF;
  ops.screen.show({ event: 'ok', text });
  if (on) ops.screen.show({ event: 'table', id: 'maintenance', rows: rowsOf(on) });
  return text;
}

function rowsOf({ run, note }: On): Row[] {
  return [
    [{ en: 'on since', zh: '启用时间' }, same(note.since)],
    [{ en: 'until at the latest', zh: '最晚至' }, same(note.until)],
    [{ en: 'by', zh: '操作人' }, same(printable(run.user ?? '?'))],
    [{ en: 'ports', zh: '端口' }, same(note.ports.join(', '))],
    [
      { en: 'turned away', zh: '已拦截' },
      { en: `${note.turnedAway} connections`, zh: `${note.turnedAway} 个连接` },
    ],
    [{ en: 'run', zh: '运行' }, same(run.name)],
  ];
}
