import { describe, expect, it } from 'vitest';
import { limitText } from '../../../lib/core/text.ts';

describe('a limit as it was set', () => {
  it.each([
    [5 * 60_000, '5 min', '5 分钟'],
    [3_600_000, '1 h', '1 小时'],
    [150_000, '2 min 30 s', '2 分钟 30 秒'],
    [90 * 60_000, '1 h 30 min', '1 小时 30 分钟'],
    [30 * 3_600_000 + 1_000, '1 d 6 h 1 s', '1 天 6 小时 1 秒'],
    [0, '0 s', '0 秒'],
  ])('%i ms is told whole: %s, %s', (milliseconds, en, zh) => {
    expect(limitText(milliseconds)).toEqual({ en, zh });
  });
});
