import { type Screen, say } from '../../core/screen.ts';
import { same } from '../../core/text.ts';
import { plannedOf, type Steps } from './steps.ts';

const RISK = { none: '', changes: '', interrupts: ' ⏸', deletes: ' ⚠' } as const;

/** The steps of a plan with their commands, what each would lose, and its way back. */
export function showSteps(screen: Screen, steps: Steps): void {
  say(screen, 'heading', { en: 'What will be done', zh: '将要执行' });
  plannedOf(steps).forEach((step, i) => {
    const takes = step.seconds === undefined ? '' : ` (≈ ${step.seconds} s)`;
    const risk = RISK[step.risk];
    say(screen, 'info', {
      en: `${i + 1}. ${step.title.en}${risk}${takes}`,
      zh: `${i + 1}. ${step.title.zh}${risk}${takes}`,
    });
    for (const command of step.commands) {
      const { en, zh } = typeof command === 'string' ? same(command) : command;
      say(screen, 'info', { en: `     ${en}`, zh: `     ${zh}` });
    }
    if (step.loses) say(screen, 'warning', { en: `deletes: ${step.loses.en}`, zh: `将删除: ${step.loses.zh}` });
    if (step.wayBack) {
      say(screen, 'info', { en: `     way back: ${step.wayBack.en}`, zh: `     回退方式: ${step.wayBack.zh}` });
    }
  });
}
