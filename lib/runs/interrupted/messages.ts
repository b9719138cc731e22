import type { Row } from '../../core/screen.ts';
import { joined, printable, same, seconds, type Text } from '../../core/text.ts';
import { entriesOf, leftUntouched, type Run } from '../../domain/ledger/runs.ts';

/** `running: step stop`, `0  done: deployed …`, `died at step stop`. */
export function stateText({ state }: Run): Text {
  switch (state.kind) {
    case 'ended': {
      const [en, zh] = [state.verdict.en, state.verdict.zh].map((said) => printable(said.split('\n')[0] ?? ''));
      return { en: `exit ${state.exitCode}  ${en}`, zh: `退出码 ${state.exitCode}  ${zh}` };
    }
    case 'running':
      return { en: `running, ${at(state.at).en}`, zh: `运行中, ${at(state.at).zh}` };
    case 'died':
      return { en: `DIED, ${at(state.at).en}`, zh: `异常终止, ${at(state.at).zh}` };
  }
}

function at({ step, undoing }: { readonly step: string | undefined; readonly undoing: boolean }): Text {
  if (step === undefined) return { en: 'before its first step', zh: '尚未开始任何步骤' };
  const name = printable(step);
  return undoing
    ? { en: `undoing step ${name}`, zh: `正在撤销步骤 ${name}` }
    : { en: `at step ${name}`, zh: `位于步骤 ${name}` };
}

/** What is known about a run that needs somebody's attention, and what is shown below it. */
export function diedText(run: Run): Text {
  const { en, zh } = howItEnded(run);
  return run.state.kind === 'ended' ? { en, zh } : { en: `${en}\n  What is there now:`, zh: `${zh}\n  当前实际状态:` };
}

/** How it ended that needs somebody's attention. */
export function howItEnded(run: Run): Text {
  const { state } = run;
  const who = printable(run.user ?? '?');
  if (state.kind === 'ended') {
    const [en, zh] = [state.verdict.en, state.verdict.zh].map(printable);
    return {
      en: `Run ${run.name} (${who}) ended with ${state.exitCode}, and nothing has made that good since: ${en}`,
      zh: `运行 ${run.name} (${who}) 以退出码 ${state.exitCode} 结束, 此后尚未处理: ${zh}`,
    };
  }
  const open = state.at.open.map(printable);
  const untouched = leftUntouched(run) ? [UNTOUCHED] : [];
  return {
    en: [
      `Run ${run.name} (${who}) did not end: its process is gone, ${at(state.at).en}.`,
      ...open.map((c) => `  had begun, and nobody knows whether it took effect: ${c}`),
      ...untouched.map((t) => t.en),
    ].join('\n'),
    zh: [
      `运行 ${run.name} (${who}) 没有正常结束: 进程已不存在, ${at(state.at).zh}.`,
      ...open.map((c) => `  已开始, 是否生效未知: ${c}`),
      ...untouched.map((t) => t.zh),
    ].join('\n'),
  };
}

const UNTOUCHED: Text = {
  en: '  No step had begun that changes production.',
  zh: '  尚未开始任何会改动生产环境的步骤.',
};

/** Steps with how each ended. */
export function stepRows(run: Run): Row[] {
  const planned = entriesOf(run, 'plan').at(-1)?.steps ?? [];
  return planned.map((id) => {
    const told = run.entries.flatMap((e) => ('step' in e && e.step === id ? stepEvent(e) : []));
    const name = printable(id);
    const none: Text = same('-');
    return [same(name), told.length > 0 ? joined(told) : none] as const;
  });
}

function stepEvent(e: Run['entries'][number]): Text[] {
  switch (e.event) {
    case 'step-start':
      return [same(time(e.at))];
    case 'step-done': {
      const evidence = e.evidence ? `  ${printable(e.evidence)}` : '';
      return [{ en: `done ${seconds(e.milliseconds)}${evidence}`, zh: `完成 ${seconds(e.milliseconds)}${evidence}` }];
    }
    case 'step-failed':
      return [{ en: `FAILED: ${printable(e.error)}`, zh: `失败: ${printable(e.error)}` }];
    case 'undo-done':
      return [{ en: 'undone', zh: '已撤销' }];
    case 'undo-failed':
      return [{ en: `COULD NOT BE UNDONE: ${printable(e.error)}`, zh: `撤销失败: ${printable(e.error)}` }];
    default:
      return [];
  }
}

/** Commands that changed something, each with how it ended. */
export function commandRows(run: Run): Row[] {
  const results = new Map(entriesOf(run, 'result').map((r) => [r.of, r]));
  return entriesOf(run, 'intent').map(({ seq, at: began, command }) => {
    const result = results.get(seq);
    const ended: Text = result
      ? {
          en: `exit ${result.exitCode}, ${seconds(result.milliseconds)}`,
          zh: `退出码 ${result.exitCode}, ${seconds(result.milliseconds)}`,
        }
      : { en: 'NO RESULT', zh: '无结果' };
    return [{ en: `${time(began)}  ${ended.en}`, zh: `${time(began)}  ${ended.zh}` }, same(printable(command))];
  });
}

/** `03:04:05`, UTC as in the journal. */
const time = (at: string) => at.slice(11, 19);
