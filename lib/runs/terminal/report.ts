import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Screen } from '../../core/screen.ts';
import type { Text } from '../../core/text.ts';

/** The same as {@link explain}, and the result for programs. @returns the exit code */
export function report(screen: Screen, error: unknown): number {
  const exitCode = explain(screen, error);
  screen.show({ event: 'result', exitCode, verdict: whatHappened(error).en });
  return exitCode;
}

/** Shows how it ended, in what state things are, and what to do next. @returns the exit code */
export function explain(screen: Screen, error: unknown): number {
  const known = error instanceof OpsError;
  const exitCode = known ? error.exitCode : 1;
  const show = (text: Text) => screen.show({ event: 'info', text });
  screen.show({ event: 'error', text: whatHappened(error) });
  if (known) {
    if (error.state) show(error.state);
    for (const text of error.next) show({ en: `→ ${text.en}`, zh: `→ ${text.zh}` });
  } else {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    show({
      en: `This is a bug in whalefall-ops; please report it.\n${stack}`,
      zh: `这是 whalefall-ops 的缺陷, 请反馈.\n${stack}`,
    });
  }
  return exitCode;
}
