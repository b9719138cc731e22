import { type Journal, lenient } from '../../core/journal.ts';
import type { Screen, ScreenEvent } from '../../core/screen.ts';
import type { Secrets } from '../../core/secrets.ts';

/**
 * A screen whose tables and remarks are also written down, for the run's report. What is shown as plain lines before the steps begin is the
 * plan, which is written down as such.
 */
export function recorded(screen: Screen, journal: Journal, secrets: Secrets): Screen {
  let begun = false;
  const calm = lenient(journal, screen); // what can't be written down must not stop the run
  const keep = (e: ScreenEvent) => {
    if (e.event === 'step') begun = true;
    if (e.event === 'table')
      calm.write({ event: 'table', id: e.id, rows: secrets.redactIn(e.rows.map(([a, b]) => [a, b])) });
    if (e.event === 'warning' || e.event === 'ok' || (e.event === 'info' && begun))
      calm.write({ event: 'remark', level: e.event, says: secrets.redactIn(e.text) });
  };
  return {
    ...screen,
    show(event) {
      screen.show(event);
      keep(event);
    },
  };
}
