import { expect, it } from 'vitest';
import { targetSchema } from '../../../lib/core/target.ts';

it.each(['instance/', '/app/instance', '../instance', ''])(
  'has no release keep %j, which would match nothing',
  (kept) => {
    expect(targetSchema.safeParse({ release: { kept: [kept] } }).success).toBe(false);
    expect(targetSchema.safeParse({ release: { kept: ['.env', 'var/instance'] } }).success).toBe(true);
  },
);
