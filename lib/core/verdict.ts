import type { Screen } from './screen.ts';
import { joined, type Text } from './text.ts';

/** The verdict under `--plan`. */
export const ONLY_PLANNED: Text = { en: 'Only planned.', zh: '仅显示计划.' };

/**
 * Says what was proved, and before that what is not well, or not known, all the same.
 *
 * @returns the verdict, which names it as well.
 */
export function sayProved(screen: Screen, besides: readonly Text[], proved: Text, verdict: Text): Text {
  for (const text of besides) screen.show({ event: 'warning', text });
  if (besides.length === 0) {
    screen.show({ event: 'ok', text: proved });
    return verdict;
  }
  const text = { en: `${proved.en}, but for what is warned of above`, zh: `${proved.zh} (以上警告所列除外)` };
  screen.show({ event: 'ok', text });
  const but = joined(besides);
  return { en: `${verdict.en}; but: ${but.en}`, zh: `${verdict.zh}; 但: ${but.zh}` };
}
