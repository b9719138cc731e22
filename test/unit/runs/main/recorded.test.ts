import { expect, it } from 'vitest';
import type { JournalEvent } from '../../../../lib/core/journal.ts';
import { same } from '../../../../lib/core/text.ts';
import { recorded } from '../../../../lib/runs/main/recorded.ts';
import { testOps } from '../../../support/ops.ts';

it('writes down tables and remarks, redacted, but not the plan’s lines, and goes on when it can’t', () => {
  const ops = testOps(() => undefined);
  ops.secrets.add('sentinel-pw');
  const written: JournalEvent[] = [];
  let full = false;
  const write = (event: JournalEvent) => {
    if (full) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    return written.push(event);
  };
  const screen = recorded(ops.screen, { write }, ops.secrets);
  screen.show({ event: 'info', text: same('a line of the plan') });
  screen.show({ event: 'table', id: 'facts', rows: [[same('url'), same('http://u:sentinel-pw@h')]] });
  screen.show({ event: 'step', id: 'a', number: 1, of: 1, title: same('a') });
  screen.show({ event: 'warning', text: same('sentinel-pw is old') });
  screen.show({ event: 'info', text: same('the way back') });
  expect(written).toEqual([
    { event: 'table', id: 'facts', rows: [[same('url'), same('http://u:[secret]@h')]] },
    { event: 'remark', level: 'warning', says: same('[secret] is old') },
    { event: 'remark', level: 'info', says: same('the way back') },
  ]);
  full = true;
  for (const text of ['one', 'two']) screen.show({ event: 'ok', text: same(text) });
  const shown = ops.shown.map((e) => ('text' in e ? e.text.en : e.event));
  expect(shown.slice(-3)).toEqual(['one', "The journal can't be written: ENOSPC", 'two']);
});
