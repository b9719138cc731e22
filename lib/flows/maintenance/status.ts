import type { Ops } from '../../core/ops.ts';
import type { Row } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { findOn, type On } from './note.ts';

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
