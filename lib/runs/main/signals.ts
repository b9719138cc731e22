import { OpsError } from '../../core/errors.ts';
import type { JournalEvent } from '../../core/journal.ts';
import type { Screen } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import type { World } from '../../core/world.ts';

/** One Ctrl-C arrives twice: from the terminal, and passed on by npx. */
const ONE_SIGNAL_MS = 1_000;

/** What a run is at, as its journal tells it: for the lock's record, and for who wants to stop it. */
export class UnderWay {
  step: string | undefined;
  undoing = false;
  readonly #open = new Map<number, string>();

  note(event: JournalEvent, seq: number): void {
    if (event.event === 'step-start' || event.event === 'undo-start') this.step = event.step;
    if (event.event === 'undo-start') this.undoing = true;
    if (event.event === 'intent') this.#open.set(seq, event.command);
    if (event.event === 'result') this.#open.delete(event.of);
  }

  /** Commands that have begun and not ended. */
  get open(): readonly string[] {
    return [...this.#open.values()];
  }
}

/** First signal: stop the step, undo, prove. Second: say what stopping would leave. Third: end. */
export function stopOn(stopping: AbortController, screen: Screen, world: World, underWay: UnderWay) {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  return (signal: 'SIGINT' | 'SIGTERM') => {
    const now = world.clock.monotonic();
    const again = now - last > ONE_SIGNAL_MS;
    last = now;
    if (!again) return;
    count += 1;
    const exitCode = signal === 'SIGTERM' ? 143 : 130;
    if (count === 1) {
      const what: Text = { en: `Stopped by ${signal}.`, zh: `收到 ${signal}, 已停止.` };
      screen.show({
        event: 'warning',
        text:
          underWay.step === undefined
            ? { en: `${signal}: stopping.`, zh: `收到 ${signal}, 正在停止.` }
            : {
                en: `${signal}: stopping after the command under way, then undoing.`,
                zh: `收到 ${signal}: 等当前命令结束后停止并撤销.`,
              },
      });
      stopping.abort(new OpsError({ kind: 'interrupted', what, exitCode }));
    } else if (count === 2) screen.show({ event: 'warning', text: wouldLeave(underWay) });
    else world.exit(exitCode);
  };
}

function wouldLeave({ step, undoing, open }: UnderWay): Text {
  const at: Text =
    step === undefined
      ? { en: 'The run is being stopped.', zh: '正在停止.' }
      : undoing
        ? { en: `Step ${step} is being undone.`, zh: `正在撤销步骤 ${step}.` }
        : { en: `Step ${step} is being stopped.`, zh: `正在停止步骤 ${step}.` };
  const commands = printable(open.join('; '));
  const children: Text =
    open.length === 0
      ? same('')
      : { en: ` What has begun would go on by itself: ${commands}.`, zh: ` 已开始的命令会自行继续: ${commands}.` };
  return {
    en: `${at.en} Once more ends at once and leaves the stack as it is at this moment, perhaps down.${children.en} The next start would say so.`,
    zh: `${at.zh} 再按一次将立即结束, 服务会停留在此刻的状态(可能处于停止).${children.zh} 下次启动时会提示.`,
  };
}
