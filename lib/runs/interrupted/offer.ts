import type { Invocation } from '../../core/journal.ts';
import type { Ops } from '../../core/ops.ts';
import { decline } from '../../core/refusal.ts';
import { given, printable, type Text } from '../../core/text.ts';
import { leave, type Run } from '../../domain/ledger/runs.ts';
import { isOurs } from '../command-line/typed-again.ts';
import { diedText } from './messages.ts';
import { lookAround } from './surroundings.ts';
import { backOf, finishOf, typed } from './ways.ts';

/** Says what an unfinished run left, as the world and not only its journal tells it. @param now what is there */
export async function showUnfinished(ops: Ops, run: Run, now = lookAround(ops)): Promise<void> {
  const { show } = ops.screen;
  show({ event: 'warning', text: diedText(run) });
  show({ event: 'table', id: 'now', rows: await now });
  for (const { en, zh } of waysFrom(run)) show({ event: 'info', text: { en: `  ${en}`, zh: `  ${zh}` } });
}

/** What can be typed about it. */
export function waysFrom(run: Run): Text[] {
  const back = backOf(run);
  return [
    step('finish it', '完成', finishOf(run)),
    run.script.startsWith('adhoc.') ? [BY_HAND] : [],
    back ? step('undo it', '撤销', back) : [],
    leaving(run),
  ].flat();
}

/**
 * Shows an unfinished run and asks what shall become of it.
 *
 * @returns the script that is to be run instead of the one that was started; `undefined` to go on with that one.
 * @throws {OpsError} `declined` when there was no answer.
 */
export async function offerWays(ops: Ops, run: Run, now = lookAround(ops)): Promise<Invocation | undefined> {
  await showUnfinished(ops, run, now);
  const [finish, back] = [finishOf(run), backOf(run)];
  const choice = await ops.screen.askChoice(
    { en: `What should be done about ${run.name}?`, zh: `如何处理 ${run.name}?` },
    [
      ...given(isOurs(finish), () => ({
        value: 'finish' as const,
        label: {
          en: 'finish it: the same script checks the current state and does the rest',
          zh: '完成: 同一脚本检查实际状态并继续',
        },
      })),
      ...given(back && isOurs(back), () => ({
        value: 'undo' as const,
        label: { en: 'undo it: go back to what was there before it', zh: '撤销: 回到该运行之前的状态' },
      })),
      {
        value: 'leave',
        label: { en: 'leave it as it is, and continue with the present command', zh: '保持现状, 继续本次启动的操作' },
      },
    ],
  );
  switch (choice) {
    case 'finish':
      return finish;
    case 'undo':
      return back;
    case 'leave':
      leave(run, ops.clock.now());
      return undefined;
    case undefined:
      throw decline({
        en: `Cancelled: nothing was chosen for ${run.name}.`,
        zh: `已取消: 未选择如何处理 ${run.name}.`,
      });
  }
}

const BY_HAND: Text = {
  en: 'to finish it: start its file by hand; its steps look at what is there',
  zh: '完成: 手动运行该脚本文件, 其步骤会先检查实际状态',
};

const leaving = ({ name }: Run): Text[] =>
  step('leave it as it is', '保持现状', { script: 'runs', args: ['leave', name] });

/** Nothing to be copied that no run of ours has written. */
const step = (en: string, zh: string, to: Invocation): Text[] =>
  isOurs(to) ? [{ en: `to ${en}: ${printable(typed(to))}`, zh: `${zh}: ${printable(typed(to))}` }] : [];
