import { expect, it } from 'vitest';
import { same } from '../../../../lib/core/text.ts';
import { columns, wrapped } from '../../../../lib/runs/terminal/columns.ts';
import { findingLines } from '../../../../lib/runs/terminal/finding.ts';

const finding = {
  event: 'finding',
  id: 'env.drift',
  area: 'release',
  level: 'WARN',
  when: 'next-restart',
  title: same('well'),
  seen: [same('two variables')],
  meaning: {
    en: 'It was edited since, and counts from the next start on.',
    zh: '在启动之后被修改过, 改动在下次启动时才生效, 是否可用尚未验证.',
  },
  mend: [same('npx tsx scripts/a-command-that-is-longer-than-the-terminal-is-wide.ts --with options')],
} as const;
const lines = (more: object, language: 'en' | 'zh' = 'en', width = 40) =>
  findingLines({ ...finding, ...more }, (t) => t[language], width).map((l) => l.text);

it('shows a cause with what it means and what mends it', () => {
  expect(lines({})).toEqual([
    '! env.drift  (breaks at the next restart)',
    '    two variables',
    '    It was edited since, and counts from',
    '    the next start on.',
    '  → npx tsx scripts/a-command-that-is-longer-than-the-terminal-is-wide.ts --with options',
  ]);
});

it('shows what follows in a line, and what is known with its reason', () => {
  expect(lines({ under: 'x.y', level: 'FAIL' })).toEqual(['    └ env.drift: two variables']);
  const acknowledged = { reason: 'ticket 12', until: '2027-01-01' };
  expect(lines({ acknowledged })).toEqual([
    '! env.drift  (breaks at the next restart)',
    '    two variables',
    '    known until 2027-01-01: ticket 12',
  ]);
});

it('breaks Chinese between characters, within the width', () => {
  const [, , ...rest] = lines({ mend: [] }, 'zh', 36);
  expect(rest.length).toBeGreaterThan(1);
  for (const line of rest) expect(columns(line)).toBeLessThanOrEqual(36);
  expect(
    rest
      .map((l) => l.trim())
      .join('')
      .replaceAll(' ', ''),
  ).toBe(finding.meaning.zh.replaceAll(' ', ''));
});

it('leaves a word whole that is longer than a line', () => {
  expect(wrapped('a /very/long/path/that/does/not/fit b', 10)).toEqual(['a', '/very/long/path/that/does/not/fit', 'b']);
});
