import path from 'node:path';
import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { agree, refuse } from '../../core/refusal.ts';
import { type Row, section } from '../../core/screen.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { eachRun, entriesOf, newestRuns, type Run, leave as writeLeft } from '../../domain/ledger/runs.ts';
import { eachUnfinished, findUnfinished } from '../../domain/ledger/unfinished-runs.ts';
import type { GoOn } from '../../runs/command-line/script.ts';
import { commandRows, stateText, stepRows } from '../../runs/interrupted/messages.ts';
import { showUnfinished } from '../../runs/interrupted/offer.ts';
import { lookAround } from '../../runs/interrupted/surroundings.ts';
import { finishOf, requireBack, typed } from '../../runs/interrupted/ways.ts';
import { whoHasOpen } from '../../tools/files/open-files.ts';

/** Shows the newest `limit` runs. */
export function list(ops: Ops, limit: number): Text {
  const shown = newestRuns(ops.paths, limit);
  ops.screen.show({
    event: 'table',
    id: 'runs',
    rows: shown.map((run) => {
      const who = printable(run.user ?? '-');
      const state = stateText(run);
      return [same(printable(run.name)), { en: `${who}  ${state.en}`, zh: `${who}  ${state.zh}` }] as const;
    }),
  });
  return { en: `${shown.length} runs`, zh: `共 ${shown.length} 次运行` };
}

/** Shows all that a run wrote down, and what is there now. */
export async function show(ops: Ops, run: Run): Promise<Text> {
  const { screen } = ops;
  const start = entriesOf(run, 'run-start')[0];
  const state = stateText(run);
  section(screen, same(printable(run.name)), 'run', [
    [
      { en: 'began', zh: '开始' },
      same(
        `${run.started ?? '-'}  ${printable(run.user ?? '-')}, pid ${start?.pid ?? '-'}, v${printable(start?.version ?? '-')}`,
      ),
    ],
    [{ en: 'command', zh: '命令' }, same(printable(typed(finishOf(run))))],
    [{ en: 'state', zh: '状态' }, state],
    ...given(
      run.torn,
      () =>
        [
          { en: 'journal', zh: '流水' },
          { en: 'its last line was not written whole', zh: '最后一行未写完整' },
        ] as const,
    ),
    ...stillHeld(ops, run),
    [{ en: 'files', zh: '文件' }, same(run.dir)],
    // The journal has no advice; the log has all of it, in the language of whoever ran it.
    [{ en: 'full output', zh: '全部输出' }, same(typed({ script: 'runs', args: ['follow', run.name] }))],
  ]);
  const below = (title: Text, id: string, rows: readonly Row[]) => rows.length > 0 && section(screen, title, id, rows);
  below({ en: 'Steps', zh: '步骤' }, 'steps', stepRows(run));
  below({ en: 'Commands that change something (UTC)', zh: '产生改动的命令 (UTC)' }, 'commands', commandRows(run));
  below({ en: 'What is there now', zh: '当前实际状态' }, 'now', await lookAround(ops));
  return state;
}

/** Commands of a dead run may go on, and hold its lock. */
function stillHeld(ops: Ops, { state }: Run): Row[] {
  const pids = state.kind === 'died' ? whoHasOpen(path.join(ops.paths.state, 'lock')) : [];
  return pids.length > 0 ? [[{ en: 'lock opened by', zh: '锁文件被占用' }, same(`pid ${pids.join(', ')}`)]] : [];
}

/** The script that finishes a run. @throws {OpsError} `locked` while it runs. */
export async function resume(ops: Ops, run: Run): Promise<GoOn> {
  requireOver(run);
  await showUnfinished(ops, run);
  return { goOn: finishOf(run) };
}

/** The script that goes back to what was there before a run. @throws {OpsError} `precondition` when it wrote down none. */
export async function undo(ops: Ops, run: Run): Promise<GoOn> {
  requireOver(run);
  const goOn = requireBack(run);
  await showUnfinished(ops, run);
  return { goOn };
}

/**
 * Things stay as a run left them, after a question: no start asks about it any more, and an application that it had stopped counts as stopped on purpose.
 *
 * @throws {OpsError} `locked` while it runs; `precondition` when it is not unfinished; `declined`.
 */
export async function leave(ops: Ops, run: Run, planOnly: boolean): Promise<Text> {
  requireOver(run);
  const name = printable(run.name);
  if (![...eachUnfinished(ops.paths)].some((other) => other.name === run.name)) throw notUnfinished(name);
  await showUnfinished(ops, run);
  if (planOnly) return ONLY_PLANNED;
  await agree(ops.screen, { en: `Leave things as ${name} left them?`, zh: `是否保持 ${name} 留下的现状?` });
  writeLeft(run, ops.clock.now());
  const text = {
    en: `Left as it is: no start asks about ${name} any more.`,
    zh: `保持现状: 今后启动时不再询问 ${name}.`,
  };
  ops.screen.show({ event: 'ok', text });
  return text;
}

const notUnfinished = (name: string) =>
  refuse(
    { en: `${name} is not unfinished: there is nothing to leave.`, zh: `${name} 不是未结束的运行, 无需处理.` },
    same('npx tsx scripts/runs.ts list'),
  );

function requireOver({ name, state }: Run): void {
  if (state.kind !== 'running') return;
  const follow = typed({ script: 'runs', args: ['follow', name] });
  throw new OpsError({
    kind: 'locked',
    what: { en: `${name} is still running.`, zh: `${name} 仍在运行.` },
    state: NOTHING_CHANGED,
    next: [
      {
        en: `Watch it: ${follow}. Ctrl-C in its terminal, or SIGTERM, stops and undoes it.`,
        zh: `查看: ${follow}. 在其终端按 Ctrl-C 或发送 SIGTERM 可停止并撤销.`,
      },
    ],
  });
}

/**
 * The run that is meant: by its name or the end of it, else the newest, or the newest that is unfinished.
 *
 * @throws {OpsError} `precondition` when there is none.
 */
export function findRun(ops: Ops, named: string | boolean | undefined, otherwise: 'newest' | 'unfinished'): Run {
  if (typeof named !== 'string') {
    const found = otherwise === 'newest' ? eachRun(ops.paths).next().value : findUnfinished(ops.paths);
    if (found) return found;
    throw none(
      otherwise === 'newest'
        ? { en: 'Nothing was run here yet.', zh: '此处尚无运行记录.' }
        : { en: 'There is no unfinished run.', zh: '没有未结束的运行.' },
    );
  }
  for (const run of eachRun(ops.paths, (name) => name.endsWith(named))) return run;
  throw none({ en: `There is no run ${printable(named)}.`, zh: `没有名为 ${printable(named)} 的运行.` });
}

const none = (what: Text) => refuse(what, same('npx tsx scripts/runs.ts list'));
