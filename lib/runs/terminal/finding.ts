import type { ScreenEvent } from '../../core/screen.ts';
import type { Text } from '../../core/text.ts';
import { wrapped } from './columns.ts';

type Finding = Extract<ScreenEvent, { event: 'finding' }>;
type Color = 'red' | 'yellow' | 'green' | 'dim' | undefined;

/** A pipe or a log has no width: as wide as is good to read. */
const WIDTH = 100;
const MARKS = { FAIL: '✗', WARN: '!', OK: '✓', UNKNOWN: '-' } as const;
const COLORS = { FAIL: 'red', WARN: 'yellow', OK: 'green', UNKNOWN: 'dim' } as const satisfies Record<string, Color>;

/** A finding as lines: the cause with what it means and what mends it, and below it, shorter, what only follows from it. */
export function findingLines(
  { id, level, when, title, seen, meaning, mend, under, acknowledged, brief }: Finding,
  t: (text: Text) => string,
  width = WIDTH,
): { readonly color: Color; readonly text: string }[] {
  const lines: { color: Color; text: string }[] = [];
  const add = (color: Color, text: string, indent: number, first = '') => {
    for (const [at, line] of wrapped(text, Math.max(width - indent, 30)).entries())
      lines.push({ color, text: `${at === 0 ? first.padStart(indent) : ' '.repeat(indent)}${line}` });
  };
  if (under !== undefined) {
    add(COLORS[level], `${id}: ${seen.map(t).join('; ')}`, 6, '└ ');
    return lines;
  }
  if (level === 'OK') return [{ color: 'green', text: `✓ ${id}  ${t(title)}` }];
  if (brief) {
    add(COLORS[level], `${id}: ${seen.map(t).join('; ')}`, 2, '! ');
    return lines;
  }
  const later = level !== 'UNKNOWN' && when === 'next-restart' ? `  ${t(LATER)}` : '';
  lines.push({ color: acknowledged ? 'dim' : COLORS[level], text: `${MARKS[level]} ${id}${later}` });
  for (const one of seen) add(undefined, t(one), 4);
  if (acknowledged) {
    add('dim', `${t(KNOWN)} ${acknowledged.until}: ${acknowledged.reason}`, 4);
    return lines;
  }
  if (level === 'UNKNOWN') return lines;
  add('dim', t(meaning), 4);
  // Never broken: a command is copied.
  for (const one of mend) lines.push({ color: undefined, text: `  → ${t(one)}` });
  return lines;
}

const LATER: Text = { en: '(breaks at the next restart)', zh: '(下次重启时出故障)' };
const KNOWN: Text = { en: 'known until', zh: '已知悉, 有效期至' };
